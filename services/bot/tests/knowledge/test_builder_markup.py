"""What only a site's builder reads is not learned; every line keeps its place."""

import time

import pytest
from askmesh_bot.knowledge.parsing.builder_markup import without_builder_markup
from askmesh_bot.knowledge.parsing.markdown import parse_markdown
from hypothesis import given
from hypothesis import strategies as st


def read(text: str) -> str:
    return "\n".join(without_builder_markup(text.split("\n")))


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("{* ../docs_src/a.py hl[1,3] *}", ""),
        ("{!../a.md!}", ""),
        ("{% include 'a' %}", ""),
        ("--8<-- 'a.md'", ""),
        ("[TOC]", ""),
        ("(a-label)=", ""),
        ("/// tip | Do this\n\nText.\n\n///", "Do this\n\nText.\n\n"),
        ('!!! note "Do this"\n    Text.\n\n    More.\nAfter.', "Do this\nText.\n\nMore.\nAfter."),
        ("??? info\n    Text.", "\nText."),
        ('=== "Linux"\n    Text.', "Linux\nText."),
        (":::{note} Do this\n:class: tip\nText.\n:::", "Do this\n\nText.\n"),
        ("::: warning Do this\nText.\n:::", "Do this\nText.\n"),
        ("::: a.b.C\n    options:\n      x: y\nText.", "\n\n\nText."),
        ("```{note} Do this\nText.\n```", "Do this\nText.\n"),
        ("```{toctree}\na\nb\n```\nText.", "\n\n\n\nText."),
        ("::::{grid} 2\n:::{card} One\nText.\n:::\n::::", "\nOne\nText.\n\n"),
        ("<!-- a\nb --> Text.", "\n Text."),
        ("<div class='x'>\nText <b>bold</b><br> <code>a</code>.\n</div>", "\nText bold `a`.\n"),
        ("<style>\na {}\n</style>\nText.", "\n\n\nText."),
        ("[a](b){.external target=_blank} Text. { .annotate }", "[a](b) Text."),
    ],
)
def test_what_readers_do_not_see_is_empty(text: str, seen: str) -> None:
    assert read(text) == seen


@pytest.mark.parametrize(
    "text",
    [
        "```python\n{* a *}\n<b>x</b>\n!!! y\n```",
        "~~~\n/// tip\n~~~",
        "A `<b>` and `{* a *}` in code.",
        "## Heading { #anchor }",
        "Generic[T] < b > c and x <y",
        "Title\n===\n\nText.",
        "```{code-block} python\n:linenos:\nx = 1\n```",
        "a ::: b",
    ],
)
def test_code_and_plain_text_stay_as_they_are(text: str) -> None:
    assert read(text) == text


@given(
    st.lists(st.sampled_from(["```", "```{note} T", ":::", ":::{a}", "///", "!!! x", "    y", "<!--", "-->", "", "t"]))
)
def test_no_line_is_lost_or_added(lines: list[str]) -> None:
    assert len(without_builder_markup(lines)) == len(lines)


def test_sections_keep_their_lines() -> None:
    section = parse_markdown("# A\n\n/// tip | T\n\nText.\n\n///\n").sections[0]
    assert (section.text, section.line_start, section.text_line) == ("T\n\nText.", 1, 3)


@pytest.mark.parametrize("opening", ["!!!", "/// a |", "){", ":::", "``` {", "=== a", "<b", "{: ."])
def test_long_runs_of_blanks_are_read_quickly(opening: str) -> None:
    began = time.thread_time()
    read(f"{opening}{' ' * 40_000}!")
    assert time.thread_time() - began < 2


@pytest.mark.parametrize("unit", ["<", "<b ", "{", "`", ":::", "<!--", "(", "{* ", ")({", " {.", "=== ", "a ", "[x]("])
def test_long_lines_are_read_quickly(unit: str) -> None:
    began = time.thread_time()
    read(unit * (40_000 // len(unit)))
    assert time.thread_time() - began < 4
