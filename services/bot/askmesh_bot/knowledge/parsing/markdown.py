"""Markdown: a section per heading, with GitHub's anchors. Only CommonMark's own parser decides what is a heading."""

import re
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from askmesh_bot.knowledge.base import Parsed
from askmesh_bot.knowledge.parsing.builder_markup import without_builder_markup
from askmesh_bot.knowledge.parsing.outline import Anchors, Heading, github_anchor, sections_between

# `## Heading { #its-anchor }`, as MkDocs and others write it.
_EXPLICIT_ANCHOR = re.compile(r"\s*\{\s*#([\w.:-]+)[^}]*\}\s*$")
_FRONT_MATTER_TITLE = re.compile(r"""title:\s*["']?(.+?)["']?\s*$""")
_LONGEST_FRONT_MATTER = 200


def parse_markdown(text: str) -> Parsed:
    """Sections of a Markdown page. Front matter is skipped, so is what only the site's builder reads; code fences stay."""
    lines = text.split("\n")
    start, title = _skip_front_matter(lines)
    lines = [*lines[:start], *without_builder_markup(lines[start:])]
    # Blanked, not removed: the parser's line numbers stay those of the file.
    tokens = MarkdownIt("commonmark").parse("\n" * start + "\n".join(lines[start:]))
    anchors = Anchors()
    headings = [
        _heading(opening, inline, anchors)
        for opening, inline in pairwise(tokens)
        if opening.type == "heading_open" and opening.level == 0 and opening.map
    ]
    title = title or next((heading.text for heading in headings if heading.level == 1), "")
    return Parsed(title, sections_between(headings, lines, start))


def _heading(opening: Token, inline: Token, anchors: Anchors) -> Heading:
    assert opening.map is not None
    text = "".join(
        child.content if child.type in {"text", "code_inline"} else " " if child.type == "softbreak" else ""
        for child in inline.children or []
    )
    explicit = _EXPLICIT_ANCHOR.search(text)
    text = _EXPLICIT_ANCHOR.sub("", text).strip()
    anchor = explicit[1] if explicit else github_anchor(text)
    return Heading(int(opening.tag[1]), text, anchors.unique(anchor), opening.map[0], opening.map[1])


def _skip_front_matter(lines: list[str]) -> tuple[int, str]:
    if lines[0].rstrip() != "---":
        return 0, ""
    title = ""
    for number, line in enumerate(lines[1:_LONGEST_FRONT_MATTER], start=1):
        if line.rstrip() in {"---", "..."}:
            return number + 1, title
        if found := _FRONT_MATTER_TITLE.match(line):
            title = found[1]
    return 0, ""
