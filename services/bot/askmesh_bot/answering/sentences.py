"""Cuts a stream of Markdown into the pieces that are checked one by one: sentences, list items, code blocks.

The pieces of a text are the same however it arrives, and joined together they are the text.
"""

import re
from dataclasses import dataclass
from typing import Literal

_LONGEST = 2000
# Blanks around the end of a code block, and marks more than it needs.
_WIDEST = 100

_FENCE = re.compile(r"[ \t]*(`{3,}(?=[^`\n]*(?:\n|\Z))|~{3,})([^\n]*)")
_MAY_BE_FENCE = re.compile(r"[ \t]*(?:`{1,2}|~{1,2})?\Z")
_BLOCK_START = re.compile(r"(?:[-*+•][ \t]|\d{1,3}[.)][ \t]|#{1,6}[ \t]|>|\||`{3}|~{3})")
_ONE_LINE = re.compile(r"[ \t]*(?:#{1,6}[ \t]|\|)")
_MARKER = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]+")
_TERMINATOR = re.compile(r"(?:[.!?…]+[\"'”’»)*_]*|[。！？]+[」』”’）]*|\n)")
_CITATION = re.compile(r"\[\d{1,3}(?:\s?[,–-]\s?\d{1,3})*\]")
_CITATION_BEGUN = re.compile(r"\[[\d\s,–-]{0,40}\Z")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[])(?:e\.g|i\.e|etc|cf|vs|approx|resp|Dr|Mr|Mrs|Ms|Prof|Fig|Eq|No|Nr|St|[A-Z])\.$", re.IGNORECASE
)

# Longer than any abbreviation with what stands before it.
_ABBREVIATED = 12


@dataclass(frozen=True)
class Piece:
    """A part of a text. `prose` is at most one sentence, `code` a whole fenced block, `space` only blanks."""

    kind: Literal["prose", "code", "space"]
    text: str


class SentenceSplitter:
    """Feed it text as it comes; it gives each piece once that is complete."""

    def __init__(self) -> None:
        self._buffer = ""
        # Whether more than blanks of the current line was already given out.
        self._in_line = False
        # Up to here the buffer was searched for its first piece's end.
        self._searched = 0

    def feed(self, text: str) -> list[Piece]:
        """The pieces that this text completes."""
        pieces: list[Piece] = []
        for start in range(0, len(text), _LONGEST):
            self._buffer += text[start : start + _LONGEST]
            pieces += self._take(final=False)
        return pieces

    def end(self) -> list[Piece]:
        """The last pieces. A code block left open is given as it is."""
        return self._take(final=True)

    def _take(self, *, final: bool) -> list[Piece]:
        pieces: list[Piece] = []
        while self._buffer and (piece := self._next(final)):
            self._buffer = self._buffer[len(piece.text) :]
            _, newline, line = piece.text.rpartition("\n")
            self._in_line = bool(line.strip()) or (self._in_line and not newline)
            self._searched = 0
            pieces.append(piece)
        return pieces

    def _next(self, final: bool) -> Piece | None:
        if not self._in_line:
            if fence := _FENCE.match(self._buffer, 0, _LONGEST):
                return self._code(fence, final)
            if not final and len(self._buffer) < _LONGEST and _MAY_BE_FENCE.match(self._buffer):
                return None
        head = self._buffer[:_LONGEST]
        blanks = len(head) - len(head.lstrip())
        if blanks:
            line = self._buffer.find("\n", 0, blanks) + 1
            if not line and blanks == len(head) < _LONGEST and not final:
                return None
            return Piece("space", self._buffer[: line or blanks])
        end = self._sentence_end(final)
        return Piece("prose", self._buffer[:end]) if end else None

    def _code(self, fence: re.Match[str], final: bool) -> Piece | None:
        mark = fence.group(1)
        # Bounded, as the last line is read anew whenever some text comes.
        run = f"{{{len(mark)},{len(mark) + _WIDEST}}}"
        closing = re.compile(rf"\n[ \t]{{0,{_WIDEST}}}{re.escape(mark[0])}{run}[ \t]{{0,{_WIDEST}}}(\n|\Z)")
        closed = closing.search(self._buffer, max(fence.end(1), self._searched))
        # Only the last line may yet become the closing one.
        self._searched = max(0, self._buffer.rfind("\n"))
        if closed and (closed.group(1) or final):
            return Piece("code", self._buffer[: closed.end()])
        return Piece("code", self._buffer) if final else None

    def _sentence_end(self, final: bool) -> int:
        """Where the sentence at the start of the buffer ends; 0 when more text must come to tell."""
        text = self._buffer[:_LONGEST]
        cut = len(self._buffer) > _LONGEST
        final = final and not cut
        marker = None if self._in_line else _MARKER.match(text)
        position = max(self._searched, marker.end() if marker else 0)
        while found := _TERMINATOR.search(text, position):
            verdict = (
                self._newline(text, found, final) if found.group() == "\n" else self._full_stop(text, found, final)
            )
            if verdict:
                return verdict
            if verdict is None:
                break
            position = self._searched = found.end()
        if final:
            return len(text)
        return text.rfind(" ") + 1 or len(text) if cut else 0

    def _newline(self, text: str, found: re.Match[str], final: bool) -> int | None:
        """The end of a line ends a sentence unless a paragraph goes on. None: can't tell yet; 0: it goes on."""
        end = found.end()
        if _ONE_LINE.match(text) and not self._in_line:
            return end
        rest = text[end:].lstrip(" \t")
        if not final and "\n" not in rest and len(rest) < 8:
            return None
        return end if not rest or rest[0] == "\n" or _BLOCK_START.match(rest) else 0

    def _full_stop(self, text: str, found: re.Match[str], final: bool) -> int | None:
        end = found.end()
        if text.count("`", 0, found.start()) % 2 and "\n" not in text[: found.start()]:
            # Inside a code span, if it is closed on this line.
            closing = text.find("`", found.start())
            newline = text.find("\n", found.start())
            if closing >= 0 and (newline < 0 or closing < newline):
                return 0
            if newline < 0 and not final:
                return None
        while True:
            after = re.compile(r"[ \t]*").match(text, end).end()  # type: ignore[union-attr]
            if after == len(text):
                return after if final else None
            if citation := _CITATION.match(text, after):
                end = citation.end()
            elif not final and _CITATION_BEGUN.match(text, after):
                return None
            else:
                break
        if after == end and text[after] != "\n" and found.group()[0] not in "。！？" and text[end - 1] != "]":
            return 0
        if found.group()[0] == "." and (
            text[after].islower() or _ABBREVIATION.search(text[max(0, found.end() - _ABBREVIATED) : found.end()])
        ):
            return 0
        return after
