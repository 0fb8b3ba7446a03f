"""The figures of an evaluation, with 95 % bootstrap intervals."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

_RESAMPLES = 1000

Figures = dict[str, dict[str, Any]]


@dataclass
class Judged:
    """One question and what became of it. `rank` is of the first gold passage, from 1; None where there is none."""

    line: int
    question: str
    answerable: bool
    outcome: str
    reason: str
    answer: str
    rank: int | None
    has_gold: bool
    facts: bool | None  # None: no facts are expected
    cited_gold: list[bool]
    seconds: float
    model: str = ""
    timings_ms: dict[str, float] = field(default_factory=dict)
    # Whether it was also asked without the reranker, and the rank it had then.
    compared: bool = False
    rank_before: int | None = None

    @property
    def answered(self) -> bool:
        return self.outcome == "answered"

    @property
    def right(self) -> bool:
        """Answered with what is expected: the facts, or, where none are, a citation of a gold place."""
        return self.answered and (self.facts if self.facts is not None else any(self.cited_gold) or not self.has_gold)


def figures(judged: Sequence[Judged]) -> Figures:
    """Every figure that these questions can tell, as {value, 95%, n}."""
    known = [one for one in judged if one.answerable]
    gold = [one for one in known if one.has_gold]
    expected = [one for one in known if one.facts is not None]
    before = [one.rank_before for one in gold if one.compared]
    found = {
        "hit@1": _mean([float(one.rank == 1) for one in gold]),
        "hit@5": _mean([float(one.rank is not None and one.rank <= 5) for one in gold]),
        "mrr": _mean([1 / one.rank if one.rank else 0.0 for one in gold]),
        "hit@1 before reranking": _mean([float(rank == 1) for rank in before]),
        "hit@5 before reranking": _mean([float(rank is not None and rank <= 5) for rank in before]),
        "mrr before reranking": _mean([1 / rank if rank else 0.0 for rank in before]),
        "answered": _mean([float(one.answered) for one in known]),
        "abstained": _mean([float(one.outcome == "abstained") for one in known]),
        "facts": _mean([float(bool(one.facts)) for one in expected]),
        "gold_cited": _mean([float(any(one.cited_gold)) for one in gold if one.answered]),
        "citation_precision": _mean([float(hit) for one in gold for hit in one.cited_gold]),
        # CRAG's score (Yang et al. 2024): right +1, abstained 0, wrong -1.
        "crag": _mean([float(one.right) - float(one.answered and not one.right) for one in known]),
        "refused": _mean([float(one.outcome == "abstained") for one in judged if not one.answerable]),
    }
    return {name: figure for name, figure in found.items() if figure["n"]}


def times(judged: Sequence[Judged]) -> dict[str, dict[str, float]]:
    """p50 and p95 in milliseconds of each step, and of the whole as it was waited for."""
    steps = sorted({step for one in judged for step in one.timings_ms})
    series = {step: [one.timings_ms[step] for one in judged if step in one.timings_ms] for step in steps}
    series["waited for"] = [one.seconds * 1000 for one in judged]
    return {
        step: {"p50": round(_nearest_rank(values, 0.5), 1), "p95": round(_nearest_rank(values, 0.95), 1)}
        for step, values in series.items()
        if values
    }


# What a gate compares; of a higher `abstained` nobody complains here who counts `answered`.
GATED = ("hit@1", "hit@5", "mrr", "answered", "facts", "gold_cited", "citation_precision", "crag", "refused")


def drops(now: Figures, before: Figures, tolerance: float) -> list[str]:
    """What fell by more than `tolerance`, or is not told any more."""
    fallen = []
    for name in GATED:
        if name not in before:
            continue
        if name not in now:
            fallen.append(f"{name} was {before[name]['value']} and is not measured any more")
        elif before[name]["value"] - now[name]["value"] > tolerance + 1e-9:
            fallen.append(f"{name} fell from {before[name]['value']} to {now[name]['value']}")
    return fallen


def _mean(values: Sequence[float]) -> dict[str, Any]:
    if not values:
        return {"value": 0.0, "95%": [0.0, 0.0], "n": 0}
    low, high = _interval(values, lambda sample: sum(sample) / len(sample))
    return {"value": round(sum(values) / len(values), 3), "95%": [round(low, 3), round(high, 3)], "n": len(values)}


def _interval(values: Sequence[float], measure: Callable[[Sequence[float]], float]) -> tuple[float, float]:
    """The percentile bootstrap (Efron 1979), the same at every run."""
    dice = random.Random(7)  # noqa: S311 - resampling, no secret
    resampled = sorted(measure(dice.choices(values, k=len(values))) for _ in range(_RESAMPLES))
    return resampled[int(0.025 * _RESAMPLES)], resampled[int(0.975 * _RESAMPLES) - 1]


def _nearest_rank(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
