"""What is measured, as plain functions over plain values."""

import random
from collections.abc import Callable, Sequence

_RESAMPLES = 2000


def hit_at(ranks: Sequence[int | None], k: int) -> float:
    """Share of questions whose first gold place is among the best `k`; ranks count from 1, None is not found."""
    return _mean([float(rank is not None and rank <= k) for rank in ranks])


def mean_reciprocal_rank(ranks: Sequence[int | None]) -> float:
    """Mean of 1/rank, 0 where nothing was found."""
    return _mean([1 / rank if rank else 0.0 for rank in ranks])


def interval(values: Sequence[int | None], measure: Callable[[Sequence[int | None]], float]) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval over questions (Efron 1979), the same at every run."""
    if not values:
        return 0.0, 0.0
    dice = random.Random(7)
    resampled = sorted(measure(dice.choices(values, k=len(values))) for _ in range(_RESAMPLES))
    return resampled[int(0.025 * _RESAMPLES)], resampled[int(0.975 * _RESAMPLES) - 1]


def holds_facts(answer: str, facts: Sequence[str]) -> bool:
    """Whether an answer contains every key fact, whatever the case."""
    return all(fact.lower() in answer.lower() for fact in facts)


def abstention(asked: Sequence[tuple[bool, bool]]) -> dict[str, float]:
    """Measures over (answerable, abstained) pairs.

    precision: of the abstentions, how many were due. recall: of the unanswerable questions, how many were refused.
    false_abstentions: of the answerable ones, how many were refused.
    """
    refused = [answerable for answerable, abstained in asked if abstained]
    unanswerable = [abstained for answerable, abstained in asked if not answerable]
    answerable = [abstained for answerable, abstained in asked if answerable]
    return {
        "precision": _mean([float(not known) for known in refused]),
        "recall": _mean([float(abstained) for abstained in unanswerable]),
        "false_abstentions": _mean([float(abstained) for abstained in answerable]),
    }


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share lies, by nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
