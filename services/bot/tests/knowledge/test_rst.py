"""reStructuredText pages become sections; Sphinx's own markup neither fails nor runs."""

from askmesh_bot.knowledge.parsing.rst import parse_rst, plain_text
from hypothesis import given, settings
from hypothesis import strategies as st

PAGE = """.. _top:

==================
 The :mod:`guide`
==================

.. include:: /etc/passwd
.. raw:: html

   <script>x</script>

Install
=======

====  =====
A     B
====  =====
1     2
====  =====

With pip
--------

See :doc:`the list <auto_examples/index>`.

.. code-block:: shell

    Not a title
    -----------

With pip
--------
again

Use ``it``
==========
done
"""


def test_sections_have_levels_anchors_and_lines() -> None:
    parsed = parse_rst(PAGE)
    assert parsed.title == "The guide"
    crumbs = [section.breadcrumbs for section in parsed.sections]
    assert crumbs == [
        (),
        ("The guide",),
        ("The guide", "Install"),
        ("The guide", "Install", "With pip"),
        ("The guide", "Install", "With pip"),
        ("The guide", "Use it"),
    ]
    anchors = [section.anchor for section in parsed.sections]
    assert anchors == ["", "the-guide", "install", "with-pip", "with-pip-1", "use-it"]
    assert (parsed.sections[3].line_start, parsed.sections[3].line_end) == (21, 29)
    assert "Not a title" in parsed.sections[3].text


def test_directives_are_not_obeyed() -> None:
    text = "\n".join(section.text for section in parse_rst(PAGE).sections)
    assert ".. include:: /etc/passwd" in text
    assert "root:" not in text


def test_inline_markup_keeps_its_words() -> None:
    assert plain_text("A :func:`fury.window.show`, `a link <https://x>`__ and ``code``") == (
        "A fury.window.show, a link and code"
    )


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(["Title", "=====", "-----", "", "text", " x", "~~", "..", "* item", "===  ==="])))
def test_no_text_is_lost(lines: list[str]) -> None:
    shown = "\n".join(
        line for section in parse_rst("\n".join(lines)).sections for line in [*section.breadcrumbs, section.text]
    )
    for line in lines:
        assert line.strip("=-~ .*") in shown
