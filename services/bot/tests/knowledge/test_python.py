"""Python modules are read, never run: names, signatures, docstrings and lines, in old syntax and new."""

from pathlib import Path

import pytest
from askmesh_bot.knowledge.base import Section
from askmesh_bot.knowledge.parsing.aliases import reexports
from askmesh_bot.knowledge.parsing.python import ModuleContext, parse_python
from hypothesis import given, settings
from hypothesis import strategies as st

MODULE = '''"""A module."""

import os
from typing import overload

# Where downloads go.
if "APP_HOME" in os.environ:
    home = os.environ["APP_HOME"]

LIMIT = 3


class Reader(object):
    """
    Reads things.

    More of it.
    """

    def __init__(self, path, *, limit=LIMIT):
        self.path = path

    @property
    def size(self):
        """How large."""
        return 1

    @staticmethod
    def join(*parts: str) -> str:
        """Join parts."""

    @overload
    def read(self, n: int) -> bytes: ...
    @overload
    def read(self, n: None = ...) -> str: ...
    def read(self, n=None):
        """Read some."""

    def _hidden(self):
        """Not for users."""


def plain(a, /, b, *, c=(1, 0), d=None):
    return raise_if_run()


raise SystemExit("never executed")
'''

NEW_SYNTAX = '''"""New."""

type Pair[T] = tuple[T, T]


class Box[T: int]:
    """A box."""

    def open[U](self, how: U = f"{"nested"} {'quotes'}") -> T:
        """Open it."""
        return f"{self.x["key"]}"


def after(x: int) -> str:
    """Still found."""
    try:
        pass
    except ValueError, TypeError:
        pass
'''


def sections(text: str, **context: object) -> dict[str, Section]:
    parsed = parse_python(text, ModuleContext("pkg.mod", **context))
    return {section.breadcrumbs[-1]: section for section in parsed.sections}


def test_objects_are_headed_by_name_and_signature() -> None:
    found = sections(MODULE)
    assert list(found) == [
        "pkg.mod",
        "pkg.mod (module code)",
        "pkg.mod.Reader(path, *, limit=LIMIT)",
        "pkg.mod.Reader.size",
        "pkg.mod.Reader.join(*parts: str) -> str",
        "pkg.mod.Reader.read(n=None)",
        "pkg.mod.plain(a, /, b, *, c=(1, 0), d=None)",
    ]


def test_lines_are_those_of_the_whole_object() -> None:
    found = sections(MODULE)
    lines = MODULE.split("\n")
    size = found["pkg.mod.Reader.size"]
    assert lines[size.line_start - 1].strip() == "@property"
    assert lines[size.line_end - 1].strip() == "return 1"
    reader = found["pkg.mod.Reader(path, *, limit=LIMIT)"]
    assert reader.text == "Reads things.\n\nMore of it."
    assert lines[reader.text_line - 1].strip() == "Reads things."
    assert lines[reader.line_start - 1].startswith("class Reader")


def test_decorators_and_overloads_are_told() -> None:
    found = sections(MODULE)
    assert found["pkg.mod.Reader.join(*parts: str) -> str"].text == "@staticmethod\nJoin parts."
    read = found["pkg.mod.Reader.read(n=None)"].text
    assert "overload (n: int) -> bytes" in read
    assert "overload (n: None=...) -> str" in read


def test_module_code_is_learned_with_the_comment_above_it() -> None:
    parsed = parse_python(MODULE, ModuleContext("pkg.mod"))
    code = next(section for section in parsed.sections if "(module code)" in section.breadcrumbs[-1])
    assert code.text.startswith('# Where downloads go.\nif "APP_HOME" in os.environ:')
    assert code.line_start == 6


def test_private_objects_are_learned_on_demand() -> None:
    assert "pkg.mod.Reader._hidden()" in sections(MODULE, private=True)


def test_newer_syntax_is_survived() -> None:
    found = sections(NEW_SYNTAX)
    assert found["pkg.mod.Box"].text == "A box."
    assert found["pkg.mod.after(x: int) -> str"].text == "Still found."
    method = next(section for name, section in found.items() if name.startswith("pkg.mod.Box.open"))
    assert method.text == "Open it."
    assert (method.line_start, method.line_end) == (9, 11)


@pytest.mark.parametrize(
    "broken", ["def f(:\n  pass\n", "\x0c", "class", "'''", "f'{", "def f():\n\t x\n  y", "((" * 500]
)
def test_broken_modules_do_not_break_us(broken: str) -> None:
    parse_python(f'def ok():\n    """Fine."""\n\n{broken}', ModuleContext("m"))


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet="def class():\n \"'f{}[]#\\x=@,", max_size=80))
def test_any_text_is_survived(text: str) -> None:
    for section in parse_python(text, ModuleContext("m")).sections:
        assert 1 <= section.line_start <= section.line_end


def test_public_names_come_from_the_packages_init() -> None:
    names = reexports("from .curved import sphere, _private\nfrom .core import *\nimport os\n", "fury.actor")
    assert names == {"fury.actor.curved.sphere": "fury.actor.sphere", "fury.actor.core.*": "fury.actor"}
    parsed = parse_python('def sphere(n):\n    "Balls."', ModuleContext("fury.actor.curved", names))
    assert parsed.sections[0].symbol == "fury.actor.sphere"
    starred = parse_python('__all__ = ["a"]\ndef a(): "A."\ndef b(): "B."', ModuleContext("fury.actor.core", names))
    assert [section.symbol for section in starred.sections if section.text != '__all__ = ["a"]'] == [
        "fury.actor.a",
        "fury.actor.core.b",
    ]


def test_gallery_scripts_are_read_as_pages() -> None:
    script = (
        '"""\n=====\nTitle\n=====\n\nWhat it shows.\n"""\nimport x\n\n' + "#" * 79 + "\n# Make it blue.\n\nx.blue()\n"
    )
    parsed = parse_python(script, ModuleContext(""))
    assert parsed.title == "Title"
    assert parsed.sections[0].text == "What it shows."
    last = parsed.sections[-1]
    assert "Make it blue.\n\nx.blue()" in last.text
    assert (last.line_start, last.line_end) == (10, 13)


def test_lines_of_number_signs_do_not_make_a_module_a_gallery_script() -> None:
    module = '"""Tools.\n"""\n' + "#" * 79 + '\n### wraps()\n\ndef wraps(f):\n    """Wrap it."""\n'
    symbols = [section.symbol for section in parse_python(module, ModuleContext("tools")).sections]
    assert "tools.wraps" in symbols


def test_the_running_interpreters_own_modules_are_read() -> None:
    import pathlib

    text = Path(pathlib.__file__).read_text()
    found = {s.symbol: s for s in parse_python(text, ModuleContext("pathlib")).sections}
    read_text = found["pathlib.Path.read_text"]
    assert "Open the file in text mode" in read_text.text
    assert "def read_text" in text.split("\n")[read_text.line_start - 1]
