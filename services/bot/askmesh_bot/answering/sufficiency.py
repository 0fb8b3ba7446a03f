"""The gate before writing: do the passages hold an answer at all? Several signals decide, and the reason is told."""

from collections.abc import Sequence
from dataclasses import dataclass

from askmesh_bot.answering.base import Passage
from askmesh_bot.answering.retrieval import mentions
from askmesh_bot.answering.terms import content_terms, stems

_LOOKED_AT = 5
# A term most candidates hold says little about whether these ones answer the question.
_COMMON_SHARE = 0.6


@dataclass(frozen=True)
class Limits:
    """Cosines and shares, from 0 to 1, between which the signals are weighed."""

    min_similarity: float
    sure_similarity: float
    min_coverage: float


@dataclass(frozen=True)
class Signals:
    """What the gate saw."""

    similarity: float | None
    coverage: float
    missing: tuple[str, ...]


def measure(question: str, passages: Sequence[Passage]) -> Signals:
    """Best cosine, and the share of the question's terms that the best passages hold, rarer terms counting double."""
    top = passages[:_LOOKED_AT]
    held = frozenset().union(*(stems(f"{passage.header} {passage.text}") for passage in top))
    everywhere = [stems(f"{passage.header} {passage.text}") for passage in passages]
    terms = content_terms(question)
    weights = {term: _weight(term, everywhere) for term in terms}
    total = sum(weights.values())
    covered = sum(weight for term, weight in weights.items() if term in held)
    similarities = [passage.similarity for passage in top if passage.similarity is not None]
    return Signals(
        similarity=max(similarities, default=None),
        coverage=covered / total if total else 1.0,
        missing=tuple(term for term in terms if term not in held),
    )


def insufficient(signals: Signals, limits: Limits) -> str:
    """Why these passages can't support an answer, or nothing."""
    similarity = signals.similarity
    if similarity is not None and similarity >= limits.sure_similarity:
        return ""
    if similarity is not None and similarity < limits.min_similarity:
        return "nothing in the sources is close to this question"
    if signals.coverage < limits.min_coverage:
        terms = ", ".join(signals.missing[:5])
        return f"the nearest passages do not mention: {terms}"
    return ""


def unmentioned(names: Sequence[str], passages: Sequence[Passage]) -> tuple[str, ...]:
    """The identifiers that no passage names."""
    return tuple(name for name in names if not any(mentions(passage, name) for passage in passages))


def _weight(term: str, everywhere: Sequence[frozenset[str]]) -> float:
    holding = sum(term in held for held in everywhere)
    return 1.0 if everywhere and holding / len(everywhere) > _COMMON_SHARE else 2.0
