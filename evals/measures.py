"""What is measured, as plain functions over plain values."""

import random
import re
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


def holds_facts(answer: str, facts: Sequence[str], *, any_of_them: bool = False) -> bool:
    """Whether an answer contains every key fact, or any, whatever the case, the blanks and the marks of Markdown."""
    text = _plain(answer)
    return (any if any_of_them else all)(_plain(fact) in text for fact in facts)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share lies, by nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[`*_]", "", text.lower()).split())


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
