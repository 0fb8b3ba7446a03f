"""From headings to sections: what Markdown and reStructuredText have in common."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from askmesh_bot.knowledge.base import Section


@dataclass(frozen=True)
class Heading:
    """A heading as found. Lines are 0-based; the section's own text starts at `body`."""

    level: int
    text: str
    anchor: str
    line: int
    body: int


class Anchors:
    """Makes anchors unique in a page the way GitHub does: name, name-1, name-2."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def unique(self, anchor: str) -> str:
        """The anchor, with a number where it was given out before."""
        count = self._seen.get(anchor, -1) + 1
        self._seen[anchor] = count
        return f"{anchor}-{count}" if count else anchor


def github_anchor(text: str) -> str:
    """GitHub's anchor for a heading's plain text, before numbering."""
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def sections_between(headings: Sequence[Heading], lines: Sequence[str], first_line: int = 0) -> tuple[Section, ...]:
    """One section per heading, up to the next, plus what stands above the first. Sections without text are kept.

    `first_line` is where the page begins (after front matter), 0-based.
    """
    sections: list[Section] = []
    top = headings[0].line if headings else len(lines)
    if any(line.strip() for line in lines[first_line:top]):
        sections.append(_section((), lines, first_line, first_line, top, ""))
    trail: list[Heading] = []
    for index, heading in enumerate(headings):
        while trail and trail[-1].level >= heading.level:
            trail.pop()
        trail.append(heading)
        end = headings[index + 1].line if index + 1 < len(headings) else len(lines)
        crumbs = tuple(item.text for item in trail if item.text)
        sections.append(_section(crumbs, lines, heading.line, heading.body, end, heading.anchor))
    return tuple(sections)


def _section(crumbs: tuple[str, ...], lines: Sequence[str], start: int, body: int, end: int, anchor: str) -> Section:
    while end > body and not lines[end - 1].strip():
        end -= 1
    while body < end and not lines[body].strip():
        body += 1
    return Section(
        breadcrumbs=crumbs,
        text="\n".join(lines[body:end]),
        line_start=start + 1,
        line_end=max(end, body, start + 1),
        anchor=anchor,
        text_line=body + 1,
    )
