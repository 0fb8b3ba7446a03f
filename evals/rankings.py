"""How good each ranking is: a row per step and corpus, with 95 % bootstrap intervals, by ir-measures."""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import ir_measures
import numpy as np
from measuring import MODES, Asked
from numpy.typing import NDArray

_RESAMPLES = 2000
MEASURES = {
    "hit@1": ir_measures.Success @ 1,
    "hit@5": ir_measures.Success @ 5,
    "hit@10": ir_measures.Success @ 10,
    "mrr": ir_measures.RR,
    "ndcg@10": ir_measures.nDCG @ 10,
}


def rows(asked: Sequence[Asked], half: str = "held-out") -> dict[str, dict[str, Any]]:
    """A row per corpus and ranking, of questions with a gold place."""
    found: dict[str, dict[str, Any]] = {}
    for corpus in sorted({item.corpus for item in asked if item.ranks}):
        own = [item for item in asked if item.corpus == corpus and item.ranks and item.half == half]
        for mode in (mode for mode in MODES if own and mode in own[0].ranks):
            told = measured({item.id: (item.gold_ranks[mode], item.gold_places) for item in own})
            found[f"{corpus}/{mode}"] = {"n": len(own)} | {name: _mean(values) for name, values in told.items()}
    return found


def table(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The rows as Markdown."""
    lines = [f"| ranking | n | {' | '.join(MEASURES)} |", "|---" * (len(MEASURES) + 2) + "|"]
    return lines + [
        f"| {key} | {row['n']} | " + " | ".join(_cell(row[name]) for name in MEASURES) + " |"
        for key, row in found.items()
    ]


def measured(questions: Mapping[str, tuple[Sequence[int], int]]) -> dict[str, list[float]]:
    """Every measure of each question, from the ranks (from 1) at which its gold places were found, each counted once, and
    how many gold places there are to find."""
    relevant = {
        question: {f"gold {number}": 1 for number in range(max(1, places))}
        for question, (_, places) in questions.items()
    }
    run = {
        question: {f"gold {number}": 1 / rank for number, rank in enumerate(ranks)}
        | {f"other {rank}": 1 / rank for rank in range(1, max(ranks, default=1) + 1) if rank not in ranks}
        for question, (ranks, _) in questions.items()
    }
    found: dict[str, dict[str, float]] = {name: {} for name in MEASURES}
    names = {measure: name for name, measure in MEASURES.items()}
    for one in ir_measures.iter_calc(list(MEASURES.values()), relevant, run):
        found[names[one.measure]][one.query_id] = float(one.value)
    return {name: [values.get(question, 0.0) for question in questions] for name, values in found.items()}


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval of the mean over questions (Efron 1979), the same at every run."""
    if not values:
        return 0.0, 0.0
    means = np.sort(np.asarray(values, dtype=np.float64)[_drawn(len(values))].mean(axis=1))
    return float(means[int(0.025 * _RESAMPLES)]), float(means[math.ceil(0.975 * _RESAMPLES) - 1])


# The same questions are drawn for every ranking of a corpus.
@lru_cache(maxsize=8)
def _drawn(count: int) -> "NDArray[np.int64]":
    return np.random.default_rng(7).integers(0, count, (_RESAMPLES, count))


def _mean(values: Sequence[float]) -> dict[str, Any]:
    low, high = interval(values)
    mean = sum(values) / len(values) if values else 0.0
    return {"value": round(mean, 3), "95%": [round(low, 3), round(high, 3)]}


def _cell(figure: Mapping[str, Any]) -> str:
    return f"{figure['value']:.3f} ({figure['95%'][0]:.2f} to {figure['95%'][1]:.2f})"
