"""reStructuredText, read line by line.

docutils would execute directives, complain of Sphinx's own ones and lose the line numbers that links need; titles are all
that is wanted, and their grammar is small: an adornment line under the title, and perhaps one above it.
"""

import re

from askmesh_bot.knowledge.base import Parsed
from askmesh_bot.knowledge.parsing.outline import Anchors, Heading, sections_between

_ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1+\s*")
_ROLE = re.compile(r":[\w:.+-]+:`([^`<]*?)(?:\s*<[^`]*>)?`")
_LINK = re.compile(r"`([^`<]+?)\s*<[^`>]+>`_{1,2}")
# docutils' own limit: a shorter underline is a title only if it is at least as long as the text.
_SHORTEST_LOOSE_UNDERLINE = 4


def parse_rst(text: str) -> Parsed:
    """Sections of a reStructuredText page. Directives and roles stay as text; nothing is included or run."""
    lines = text.split("\n")
    styles: list[tuple[str, bool]] = []  # in order of appearance, which is what decides the level
    anchors = Anchors()
    headings: list[Heading] = []
    index = 0
    while index < len(lines):
        overlined = _is_overlined_title(lines, index)
        if not overlined and not _is_title(lines, index):
            index += 1
            continue
        row = index + 1 if overlined else index
        style = (lines[row + 1][0], overlined)
        if style not in styles:
            styles.append(style)
        plain = plain_text(lines[row])
        anchor = anchors.unique(_docutils_id(plain))
        headings.append(Heading(styles.index(style) + 1, plain, anchor, index, row + 2))
        index = row + 2
    title = headings[0].text if headings and headings[0].level == 1 else ""
    return Parsed(title, sections_between(headings, lines))


def plain_text(text: str) -> str:
    """A line without inline markup: roles, links, literals and emphasis keep their words."""
    text = _LINK.sub(r"\1", _ROLE.sub(r"\1", text))
    return re.sub(r"[`*]+|(?<=\w)_\b(?!\w)", "", text).strip()


def _is_adornment(line: str) -> bool:
    return bool(_ADORNMENT.fullmatch(line)) and len(line.rstrip()) > 1


def _is_overlined_title(lines: list[str], index: int) -> bool:
    if index + 2 >= len(lines) or not _is_adornment(lines[index]):
        return False
    title, under = lines[index + 1], lines[index + 2]
    return bool(title.strip()) and under.rstrip() == lines[index].rstrip() and _long_enough(title, under)


def _is_title(lines: list[str], index: int) -> bool:
    if index + 1 >= len(lines):
        return False
    title, under = lines[index], lines[index + 1]
    if not title.strip() or title[0].isspace() or _is_adornment(title) or not _is_adornment(under):
        return False
    after_blank = index == 0 or not lines[index - 1].strip()
    return after_blank and _long_enough(title, under)


def _long_enough(title: str, under: str) -> bool:
    length = len(under.rstrip())
    return length >= min(len(title.strip()), _SHORTEST_LOOSE_UNDERLINE)


def _docutils_id(text: str) -> str:
    return re.sub(r"^[-0-9]+|-+$", "", re.sub(r"[^a-z0-9]+", "-", text.lower()))
