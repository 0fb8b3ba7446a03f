"""Chunks of a thread: as many turns as fit, each chunk under the question they reply to."""

from collections.abc import Iterator, Sequence

from askmesh_bot.knowledge.base import Section
from askmesh_bot.knowledge.blocks import Piece, pieces
from askmesh_bot.knowledge.tokens import estimate_tokens

# The share of a chunk that the repeated question may take; the rest is for replies.
_QUESTION_SHARE = 0.4
# A turn that is taken back is named, not told at length.
_OVERRULED_TOKENS = 40


def turn_pieces(sections: Sequence[Section], room: int) -> Iterator[tuple[Section, int, Piece]]:
    """(first turn, number of its part, text and lines) of each chunk. The first section is the question, if it is an aside.

    What is only context, the question and what was taken back, stands in heading lines: it helps to find and to read
    the rest, and is not quoted as if it were an answer.
    """
    question, *replies = sections
    asked = _aside(question, int(room * _QUESTION_SHARE)) if question.aside else ""
    if not question.aside:
        replies = list(sections)
    left = room - estimate_tokens(asked)
    group: list[Section] = []
    size = 0
    for reply in replies:
        cost = estimate_tokens(_told(reply))
        if group and size + cost > left:
            yield _together(question, group, asked, first=group[0] is replies[0])
            group, size = [], 0
        if cost > left:
            yield from _parts(reply, asked, left)
            continue
        group.append(reply)
        size += cost
    if group:
        yield _together(question, group, asked, first=group[0] is replies[0])


def _together(question: Section, group: Sequence[Section], asked: str, *, first: bool) -> tuple[Section, int, Piece]:
    text = "\n\n".join([*filter(None, [asked]), *(_told(reply) for reply in group)])
    # The first chunk opens at the question, a later one at its first turn.
    start = question if first else group[0]
    return start, 0, Piece(text, start.line_start, group[-1].line_end)


def _parts(reply: Section, asked: str, left: int) -> Iterator[tuple[Section, int, Piece]]:
    """A turn longer than a chunk, in parts."""
    head = f"# {reply.breadcrumbs[-1]}"
    room = max(16, left - estimate_tokens(head))
    for number, part in enumerate(pieces(reply.text, reply.text_line, room)):
        yield reply, number, Piece(f"{asked}\n\n{head}\n{part.text}".lstrip("\n"), part.line_start, part.line_end)


def _told(reply: Section) -> str:
    if reply.aside:
        return _aside(reply, _OVERRULED_TOKENS)
    return f"# {reply.breadcrumbs[-1]}\n{reply.text}"


def _aside(section: Section, most: int) -> str:
    words = f"# {section.breadcrumbs[-1]}: {' '.join(section.text.replace('`', '').split())}".split(" ")
    size, kept = 0, 0
    for word in words:
        size += estimate_tokens(word)
        if size > most:
            break
        kept += 1
    # A word as long as a page is cut, so that every chunk fits.
    return " ".join(words[:kept]) + (" …" if kept < len(words) else "")
