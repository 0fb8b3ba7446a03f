"""Cuts a section's text into blocks that belong together, and packs blocks into pieces of bounded size."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from askmesh_bot.knowledge.tokens import MOST_CHARS_PER_TOKEN, estimate_tokens

_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_UNDERLINE = re.compile(r"\s*(-{3,}|={3,})\s*")
_SENTENCE_END = re.compile(r"(?<=[.!?;:,])\s+|\s+")


@dataclass(frozen=True)
class Piece:
    """Consecutive lines of a text. Lines are 1-based in the document."""

    text: str
    line_start: int
    line_end: int


def pieces(text: str, first_line: int, budget: int) -> list[Piece]:
    """The text in pieces of at most `budget` tokens, of even size, cut between blocks wherever that is possible."""
    blocks = [part for block in _blocks(text, first_line) for part in _small_enough(block, budget)]
    return _pack(blocks, budget)


def _blocks(text: str, first_line: int) -> Iterator[Piece]:
    """Paragraphs; fences whole; indented text with the paragraph or directive that introduces it."""
    lines = text.split("\n")
    start, fence = 0, ""
    for index, line in enumerate(lines):
        mark = _FENCE.match(line)
        if fence:
            fence = "" if mark and mark[1].startswith(fence) and line.strip() == mark[1] else fence
            continue
        if mark:
            fence = mark[1]
            continue
        if line.strip() or index + 1 >= len(lines) or not _starts_block(lines, index + 1):
            continue
        yield from _piece(lines, start, index, first_line)
        start = index + 1
    yield from _piece(lines, start, len(lines), first_line)


def _starts_block(lines: Sequence[str], index: int) -> bool:
    """After a blank line, an indented line still belongs to what introduced it."""
    return bool(lines[index].strip()) and not lines[index][0].isspace()


def _piece(lines: Sequence[str], start: int, end: int, first_line: int) -> Iterator[Piece]:
    while start < end and not lines[start].strip():
        start += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    if start < end:
        yield Piece("\n".join(lines[start:end]), first_line + start, first_line + end - 1)


def _small_enough(block: Piece, budget: int) -> Iterator[Piece]:
    """The block itself, or its parts: cut before the least indented lines, then between lines, then between words."""
    if estimate_tokens(block.text) <= budget:
        yield block
        return
    lines = block.text.split("\n")
    if len(lines) == 1:
        yield from (Piece(part, block.line_start, block.line_end) for part in _words(block.text, budget))
        return
    groups = _groups(lines)
    if len(groups) == 1:
        groups = [(index, index + 1) for index in range(len(lines))]
    for start, end in groups:
        for part in _piece(lines, start, end, block.line_start):
            yield from _small_enough(part, budget)


def _groups(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Line ranges that start at the least indented lines: an entry of a list or of numpydoc's Parameters, with its text.

    A line underlined with dashes stays with its underline and the entry below.
    """
    margins = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    margin = min(margins)
    starts: list[int] = []
    for index, line in enumerate(lines):
        outer = bool(line.strip()) and len(line) - len(line.lstrip()) == margin
        after_underline = index >= 1 and bool(_UNDERLINE.fullmatch(lines[index - 1]))
        if outer and not _UNDERLINE.fullmatch(line) and not after_underline:
            starts.append(index)
    starts = [0, *(start for start in starts if start)]
    return list(zip(starts, [*starts[1:], len(lines)], strict=True))


def _words(line: str, budget: int) -> Iterator[str]:
    """One long line in parts, cut at spaces; a single endless word is cut anywhere."""
    part, size = "", 0
    for whole in _SENTENCE_END.split(line):
        word = whole
        if (first := _endless(word, budget)) > 0:
            yield from [part] if part else []
            yield from (word[start : start + budget] for start in range(0, first, budget))
            part, size, word = "", 0, word[first:]
        cost = estimate_tokens(word)
        if part and size + cost > budget:
            yield part
            part, size = word, cost
        else:
            # Tokens never reach over a space, so that the sum is what the whole part costs.
            part, size = f"{part} {word}" if part else word, size + cost
    if part:
        yield part


def _endless(word: str, budget: int) -> int:
    """How much of a word, in characters and whole budgets, must go before the rest fits. Linear: an image embedded in
    a page is one word of a million characters."""
    start = 0
    while len(word) - start > budget * MOST_CHARS_PER_TOKEN or estimate_tokens(word[start:]) > budget:
        start += budget
    return start


def _pack(blocks: Sequence[Piece], budget: int) -> list[Piece]:
    sizes = [estimate_tokens(block.text) for block in blocks]
    total = sum(sizes)
    if not blocks:
        return []
    # Even shares: packing greedily would leave a stump at the end.
    share = total / ceil(total / budget) if total else budget
    packed: list[list[Piece]] = [[]]
    size = 0
    for block, cost in zip(blocks, sizes, strict=True):
        if packed[-1] and (size + cost > budget or size + cost / 2 > share):
            packed.append([])
            size = 0
        packed[-1].append(block)
        size += cost
    return [_join(group) for group in packed]


def _join(group: Sequence[Piece]) -> Piece:
    text = group[0].text
    for before, after in itertools.pairwise(group):
        text += ("\n\n" if after.line_start > before.line_end + 1 else "\n") + after.text
    return Piece(text, group[0].line_start, group[-1].line_end)
