"""Which passages the model gets to read: the best first, no near-duplicates, inside its token budget."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from askmesh_bot.answering.base import Passage
from askmesh_bot.answering.retrieval import Candidate
from askmesh_bot.answering.terms import stems

_SAME = 0.85
# In the ranking's scores. Of passages that are left further behind one in eight is right, and quotes were often taken from
# the seven others (docs/decisions/0090).
_FAR = 0.35
# Shorter than this, a passage that had to be cut tells nothing.
_LEAST_CHARS = 200

# Tokens of the whole prompt with these passages in it.
CountTokens = Callable[[Sequence[Passage]], Awaitable[int]]


def distinct(candidates: Sequence[Candidate], most: int) -> list[Candidate]:
    """The best candidates, without those that say what a better one already says."""
    kept: list[tuple[Candidate, frozenset[str]]] = []
    for candidate in candidates:
        if not candidate.passage.text.strip():
            continue
        terms = stems(candidate.passage.header) | stems(candidate.passage.text)
        if any(_alike(terms, known) for _, known in kept):
            continue
        kept.append((candidate, terms))
        if len(kept) == most:
            break
    return [candidate for candidate, _ in kept]


def numbered(candidates: Sequence[Candidate]) -> list[Passage]:
    """Numbered from 1, best first."""
    return [replace(candidate.passage, number=number) for number, candidate in enumerate(candidates, start=1)]


def near(passages: Sequence[Passage]) -> list[Passage]:
    """The passages that the best one does not leave far behind."""
    best = max((passage.score for passage in passages), default=0.0)
    return [passage for passage in passages if passage.score >= best - _FAR]


async def pack(candidates: Sequence[Candidate], count: CountTokens, budget: int) -> list[Passage]:
    """As many of the best candidates as fit into `budget` tokens, prompt and all; the last may be cut short.

    Empty when not even a part of the best one fits.
    """
    taken = list(candidates)
    while taken:
        passages = numbered(taken)
        over = await count(passages) - budget
        if over <= 0:
            return passages
        if len(taken) == 1:
            return await _cut(taken[0], count, budget)
        taken = taken[: -_to_drop(taken, over)]
    return []


def _to_drop(taken: Sequence[Candidate], over: int) -> int:
    # Three characters to a token is on the low side, so that too few are dropped rather than too many.
    freed = drop = 0
    while freed < over * 3 and drop < len(taken) - 1:
        drop += 1
        freed += len(taken[-drop].passage.text) + len(taken[-drop].passage.header)
    return max(1, drop - 1)


async def _cut(candidate: Candidate, count: CountTokens, budget: int) -> list[Passage]:
    text = candidate.passage.text
    while len(text) > _LEAST_CHARS:
        text = text[: len(text) // 2].rsplit("\n", 1)[0]
        passage = replace(candidate.passage, number=1, text=text)
        if await count([passage]) <= budget:
            return [passage]
    return []


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    if not one or not other:
        return one == other
    return len(one & other) / len(one | other) >= _SAME
