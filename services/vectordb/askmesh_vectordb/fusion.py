"""Reciprocal rank fusion of rankings (Cormack, Clarke and Büttcher, SIGIR 2009)."""

from collections.abc import Iterable, Sequence

K = 60
"""The constant of the original paper: it damps how much the very first ranks dominate."""


def reciprocal_rank_fusion(rankings: Iterable[Sequence[str]], k: int = K) -> list[tuple[str, float]]:
    """Ids with their fused score, best first, ties by id. A ranking lists ids best first, each at most once.

    An id's score is the sum over the rankings that have it of 1 / (k + rank), ranks from 1.
    """
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0.0) + 1.0 / (k + rank)
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
