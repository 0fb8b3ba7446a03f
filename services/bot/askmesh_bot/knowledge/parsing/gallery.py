"""Example scripts in sphinx-gallery's form: reStructuredText in comment blocks between pieces of code."""

import ast
import re
import warnings

from askmesh_bot.knowledge.base import Parsed, Section
from askmesh_bot.knowledge.parsing.rst import parse_rst

_CELL = re.compile(r"^(#{20,}\s*|# ?%%.*)$", re.MULTILINE)
# The docstring must hold an underlined title, as sphinx-gallery demands: many a module draws lines of # between its parts.
_OPENING = re.compile(
    r"""(?:\#[^\n]*\n|\s)*[rR]?(\"{3}|'{3})(?:(?!\1)[\s\S])*?^[ \t]*([=\-~^*#`+.:_])\2{2,}[ \t]*$""", re.MULTILINE
)


def is_gallery_script(text: str) -> bool:
    """Whether the script is written as cells under `####…` or `# %%` lines, with a titled docstring at its top."""
    return bool(_OPENING.match(text) and _CELL.search(text))


def parse_gallery_script(text: str) -> Parsed:
    """One section for the opening text, then one per cell: its comment as prose, then its code in a fence."""
    lines = text.split("\n")
    title, docstring, end = _opening(text)
    starts = [number for number, line in enumerate(lines) if _CELL.match(line) and number >= end]
    crumbs = (title,) if title else ()
    sections = [Section(crumbs, docstring, 1, max(end, 1), text_line=1)] if docstring else []
    previous = end
    for start in [*starts, len(lines)]:
        body = "\n".join(lines[previous:start])
        if body.strip():
            sections.append(_cell(crumbs, body, previous + 1))
        previous = start
    return Parsed(title, tuple(sections))


def _opening(text: str) -> tuple[str, str, int]:
    """The title, the docstring without it, and the line the docstring ends on."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return "", "", 0
    docstring = ast.get_docstring(tree) or ""
    end = tree.body[0].end_lineno or 0 if docstring else 0
    page = parse_rst(docstring)
    return page.title, "\n\n".join(section.text for section in page.sections if section.text), end


def _cell(crumbs: tuple[str, ...], body: str, line: int) -> Section:
    lines = body.split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    # Comment signs become blank margins: the prose reads as prose, and every line keeps its number.
    prose = True
    shown: list[str] = []
    for text in lines:
        prose = prose and (text.startswith("#") or not text.strip())
        shown.append("" if _CELL.match(text) else text.lstrip("# ") if prose else text)
    return Section(crumbs, "\n".join(shown), line, line + len(lines) - 1, text_line=line)
