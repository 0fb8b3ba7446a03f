"""From a document's sections to the chunks that are embedded, each under a header that says where it stands."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from askmesh_bot.knowledge.base import Chunk, Document, Section
from askmesh_bot.knowledge.blocks import Piece, pieces
from askmesh_bot.knowledge.tokens import estimate_tokens
from askmesh_bot.knowledge.turns import turn_pieces

# Chunks made by other rules than these are made anew at the next sync.
VERSION = "4"


@dataclass(frozen=True)
class ChunkLimits:
    """Sizes in estimated tokens, header included. Sibling sections below `small` are put together."""

    budget: int
    small: int = 60
    # The share of a chunk that its header may take before a signature is shortened.
    header_share: float = 0.4

    @classmethod
    def for_encoder(cls, max_input_tokens: int, wanted: int) -> "ChunkLimits":
        """What the encoder reads whole, less its special tokens, at most `wanted`."""
        return cls(budget=max(32, min(wanted, max_input_tokens - 4)))

    def tighter(self) -> "ChunkLimits":
        """For a text whose tokens were under-estimated."""
        return replace(self, budget=max(16, self.budget * 3 // 4))


def chunk(document: Document, source_title: str, limits: ChunkLimits) -> list[Chunk]:
    """The chunks of a document in order. Header and text of each fit `limits.budget`."""
    if document.kind == "thread":
        return _thread_chunks(document, source_title, limits)
    chunks: list[Chunk] = []
    keys: set[str] = set()
    for section in _merged(document.sections, limits):
        header = _header(document, section, source_title, limits)
        found = _section_pieces(section, max(16, limits.budget - estimate_tokens(header)))
        if len(found) > 1 and section.symbol:
            # The whole signature again and again would leave less room for what differs.
            header = _brief(section.breadcrumbs[-1], limits)
            found = _section_pieces(section, max(16, limits.budget - estimate_tokens(header)))
        for part, piece in enumerate(found):
            chunks.append(
                Chunk(
                    document=document.id,
                    position=len(chunks),
                    key=_unique(f"{section.symbol or section.anchor}:{part}", keys),
                    header=header,
                    text=piece.text,
                    line_start=piece.line_start,
                    line_end=piece.line_end,
                    anchor=section.anchor,
                    symbol=section.symbol,
                )
            )
    return chunks


def _thread_chunks(document: Document, source_title: str, limits: ChunkLimits) -> list[Chunk]:
    header = _shortened(f"{source_title} › {document.title}", int(limits.budget * limits.header_share))
    room = max(24, limits.budget - estimate_tokens(header))
    keys: set[str] = set()
    return [
        Chunk(
            document=document.id,
            position=position,
            key=_unique(f"{turn.anchor}:{part}", keys),
            header=header,
            text=piece.text,
            line_start=piece.line_start,
            line_end=piece.line_end,
            anchor=turn.anchor,
        )
        for position, (turn, part, piece) in enumerate(turn_pieces(document.sections, room))
    ]


def _section_pieces(section: Section, room: int) -> list[Piece]:
    found = pieces(section.text, section.text_line or section.line_start, room)
    if not found:
        # An object without a docstring is learned by its signature, which is in the header.
        name = section.breadcrumbs[-1] if section.breadcrumbs else section.symbol
        return [Piece(name, section.line_start, section.line_end)] if section.symbol else []
    if len(found) == 1:
        return [Piece(found[0].text, section.line_start, section.line_end)]
    # The first piece takes in the heading or signature above the text; none reaches beyond its section.
    last = max(section.line_end, section.line_start)
    return [
        Piece(piece.text, min(section.line_start if index == 0 else piece.line_start, last), min(piece.line_end, last))
        for index, piece in enumerate(found)
    ]


def _header(document: Document, section: Section, source_title: str, limits: ChunkLimits) -> str:
    if section.symbol:
        return _shortened(section.breadcrumbs[-1], int(limits.budget * limits.header_share))
    parts = [source_title, document.title or document.path, *section.breadcrumbs]
    distinct = [part for index, part in enumerate(parts) if part and part not in parts[:index]]
    return _shortened(" › ".join(distinct), int(limits.budget * limits.header_share))


def _brief(header: str, limits: ChunkLimits) -> str:
    """A signature with its arguments' names only."""
    name, bracket, rest = header.partition("(")
    names = re.findall(
        r"(?:^|,)\s*(\*{0,2}\w+)(?=[^()\[\]{}]*?(?:,|\)|=|:))", re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", rest)
    )
    return _shortened(
        f"{name}({', '.join(names)})" if bracket else header, int(limits.budget * limits.header_share / 2)
    )


def _shortened(header: str, most: int) -> str:
    while estimate_tokens(header) > most:
        header = header[: len(header) * 9 // 10].rstrip(" ,.=:…") + "…"
    return header


def _merged(sections: Sequence[Section], limits: ChunkLimits) -> Iterator[Section]:
    """Sections, with runs of small siblings joined under what their breadcrumbs have in common."""
    pending: Section | None = None
    for section in sections:
        if not section.text.strip() and not section.symbol:
            continue
        if pending is not None and _belong_together(pending, section, limits):
            pending = _joined(pending, section)
            continue
        if pending is not None:
            yield pending
        pending = section
    if pending is not None:
        yield pending


def _belong_together(first: Section, second: Section, limits: ChunkLimits) -> bool:
    """Whether two sections are small, stand side by side, and fit one chunk with their headings and any header."""
    sizes = [estimate_tokens(section.text) for section in (first, second)]
    if first.symbol or second.symbol or min(sizes) > limits.small:
        return False
    common = _common(first, second)
    near = len(common) >= len(first.breadcrumbs) - 1 and len(common) >= len(second.breadcrumbs) - 1
    headings = estimate_tokens(" ".join((*first.breadcrumbs, *second.breadcrumbs)))
    return near and sum(sizes) + headings <= limits.budget * (1 - limits.header_share)


def _common(first: Section, second: Section) -> tuple[str, ...]:
    length = 0
    for one, other in zip(first.breadcrumbs, second.breadcrumbs, strict=False):
        if one != other:
            break
        length += 1
    return first.breadcrumbs[:length]


def _joined(first: Section, second: Section) -> Section:
    """One section of both. Blank lines keep every line of the text at its number in the document."""
    common = _common(first, second)
    start = first.text_line or first.line_start
    lines = first.text.split("\n")
    if heading := _heading(first, common):
        start -= 1
        lines.insert(0, heading)
    gap = (second.text_line or second.line_start) - start - len(lines)
    between = [""] * max(0, gap)
    if between and (heading := _heading(second, common)):
        between[-1] = heading
    text = "\n".join([*lines, *between, *second.text.split("\n")])
    return Section(common, text, first.line_start, second.line_end, anchor=first.anchor, text_line=max(1, start))


def _heading(section: Section, common: tuple[str, ...]) -> str:
    """What distinguishes the section, marked as a heading in Markdown's way: unmarked it would open the next sentence."""
    names = section.breadcrumbs[len(common) :]
    return f"# {' › '.join(names)}" if names else ""


def _unique(key: str, seen: set[str]) -> str:
    """Two sections may share an anchor, as overloads share a name: the second gets a number."""
    candidates = (key if number == 0 else f"{key}~{number}" for number in count())
    unique = next(candidate for candidate in candidates if candidate not in seen)
    seen.add(unique)
    return unique
