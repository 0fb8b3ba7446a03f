"""Cuts a long answer into messages, at paragraphs where it can, closing and reopening code fences where it must."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

LIMIT = 2000

_OPENING = re.compile(r"```([\w+#.-]{0,20})[^`\n]*")
# What must not be cut: escapes, inline code, masked links.
_ATOM = re.compile(r"\\.|(`+)(?!`)[^\n]+?(?<!`)\1(?!`)|\[[^\[\]\n]*\]\(<[^<>\s]*>\)|.", re.DOTALL)
# A piece that starts inside a line begins with this, so that its first word is not taken for a heading or a quote.
CONTINUED = "…"
_CLOSING_ROOM = len("\n```")


@dataclass(frozen=True)
class Piece:
    """One message. `body` is a slice of the text; all bodies joined are the text."""

    before: str
    body: str
    after: str

    @property
    def content(self) -> str:
        return self.before + self.body + self.after


@dataclass(frozen=True)
class _Cut:
    """A place to end a piece. `rank`: 3 between paragraphs, 2 between lines, 1 between lines of code, 0 in a line."""

    end: int
    rank: int
    fence: str | None


def messages(text: str, limit: int = LIMIT) -> list[str]:
    """The contents of the messages that show `text`, in order; none is blank or longer than `limit`."""
    return [piece.content for piece in split(text, limit) if piece.body.strip()]


def split(text: str, limit: int = LIMIT) -> list[Piece]:
    """`text` in pieces of at most `limit` UTF-16 units (how Discord's clients count), at least 64."""
    pieces: list[Piece] = []
    start, fence, inside_line = 0, None, False
    while start < len(text):
        before = f"```{fence}\n" if fence is not None else CONTINUED if inside_line else ""
        rest = text[start:]
        whole = _final_fence(rest, fence)
        room = limit - len(before)
        if units(rest) + (_CLOSING_ROOM if whole is not None else 0) <= room:
            pieces.append(_piece(before, rest, whole))
            break
        cut = _choose(rest, fence, _fitting(rest, room - _CLOSING_ROOM))
        pieces.append(_piece(before, rest[: cut.end], cut.fence))
        start, fence, inside_line = start + cut.end, cut.fence, cut.rank == 0
    return pieces


def units(text: str) -> int:
    """Length in UTF-16 units, never less than Python's count."""
    return len(text) + sum(character > "\uffff" for character in text)


def _piece(before: str, body: str, fence: str | None) -> Piece:
    closing = "" if fence is None else "```" if body.endswith("\n") else "\n```"
    return Piece(before, body, closing)


def _fitting(text: str, room: int) -> int:
    """How many characters of `text` take at most `room` units, at least one."""
    end = min(len(text), room)
    while end > 1 and units(text[:end]) > room:
        end -= max(1, (units(text[:end]) - room) // 2)
    return max(1, end)


def _lines(text: str, fence: str | None) -> Iterator[tuple[int, int, str | None, str | None]]:
    """Each line's start and end, and the open fence's language before and after it."""
    position = 0
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        before, bare = fence, line.rstrip("\n")
        if fence is not None:
            fence = None if bare.rstrip() == "```" else fence
        elif opening := _OPENING.fullmatch(bare):
            fence = opening[1]
        yield position, position + len(line), before, fence
        position += len(line)


def _final_fence(text: str, fence: str | None) -> str | None:
    for _, _, _, after in _lines(text, fence):
        fence = after
    return fence


def _choose(text: str, fence: str | None, window: int) -> _Cut:
    """The best place to cut in the first `window` characters: the last of the highest rank in the last two thirds."""
    best: _Cut | None = None
    earlier: _Cut | None = None
    line_start, fence_there = 0, fence
    for _, end, before, after in _lines(text, fence):
        if end > window:
            break
        line_start, fence_there = end, after
        # An opening line stays with its code.
        if before is None and after is not None:
            continue
        rank = 1 if after is not None else 3 if before is not None or text[end : end + 1] in ("\n", "`") else 2
        earlier = _Cut(end, rank, after)
        if end > window // 3 and (best is None or rank >= best.rank):
            best = earlier
    return best or earlier or _within_line(text, window, line_start, fence_there)


def _within_line(text: str, window: int, line_start: int, fence: str | None) -> _Cut:
    """A cut inside a long line: after a space where there is one, and never inside an escape, code or a link."""
    last = space = 0
    for atom in _ATOM.finditer(text, line_start):
        if atom.end() > window:
            break
        last = atom.end()
        if atom[0].isspace():
            space = last
    end = space if space > window // 3 else last
    return _Cut(end or window, 0, fence)
