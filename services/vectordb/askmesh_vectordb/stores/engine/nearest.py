"""An exact ranking from an engine that breaks ties as it likes and may apply a filter too weakly."""

import numpy as np

from askmesh_vectordb.filters import Filter
from askmesh_vectordb.stores.base import IndexInfo, Match, Metric, Query, Record, Vector
from askmesh_vectordb.stores.engine.base import VectorEngine

_MARGIN = 10
"""Asked for beyond `top_k`, so that what ties with the last match is seen."""
_GROWTH = 4
_MOST = 2000
"""Asked for at most, or twice `top_k`; then all that may satisfy the filter are read and scored here."""
_PAGE = 500


async def nearest(engine: VectorEngine, info: IndexInfo, namespace: str, vector: Vector, query: Query) -> list[Match]:
    """The `top_k` best with their metadata where the query wants it or a filter needs it, without values."""
    chosen = query.filter
    if info.metric == "cosine" and not vector.any():
        # Without a direction everything is equally near.
        return await _read_all(engine, info, namespace, vector, query)
    limit, most = query.top_k + _MARGIN, max(_MOST, 2 * query.top_k)
    while True:
        weak = chosen is not None and not engine.exact(info.name, chosen)
        found = await engine.nearest(
            info.name, namespace, vector, limit, chosen, metadata=query.include_metadata or weak
        )
        good = [match for match in found if not weak or _holds(chosen, match)]
        good.sort(key=_order)
        if len(found) < limit or (len(good) >= query.top_k and found[-1].score < good[query.top_k - 1].score):
            return good[: query.top_k]
        if limit >= most:
            # Thousands of equal scores: any of them is as good. Too few that satisfy the filter is another matter.
            if len(good) >= query.top_k:
                return good[: query.top_k]
            return await _read_all(engine, info, namespace, vector, query)
        limit = min(_GROWTH * limit, most)


def score(metric: Metric, vector: Vector, values: Vector) -> float:
    """In float64; the cosine of a vector without a direction is 0."""
    left, right = vector.astype(np.float64), values.astype(np.float64)
    if metric == "euclidean":
        return -float(np.sum((left - right) ** 2))
    product = float(left @ right)
    if metric == "dotproduct":
        return product
    norms = float(np.linalg.norm(left) * np.linalg.norm(right))
    return product / norms if norms else 0.0


async def _read_all(engine: VectorEngine, info: IndexInfo, namespace: str, vector: Vector, query: Query) -> list[Match]:
    ids = sorted(await engine.ids(info.name, namespace, query.filter))
    best: list[Match] = []
    for start in range(0, len(ids), _PAGE):
        records = await engine.read(info.name, namespace, ids[start : start + _PAGE])
        matches = [_scored(info.metric, vector, record) for record in records.values()]
        good = [match for match in matches if query.filter is None or _holds(query.filter, match)]
        best = sorted([*best, *good], key=_order)[: query.top_k]
    return best


def _scored(metric: Metric, vector: Vector, record: Record) -> Match:
    assert record.values is not None
    return Match(record.id, score(metric, vector, record.values), None, record.metadata)


def _holds(chosen: Filter | None, match: Match) -> bool:
    return chosen is None or chosen.matches(match.metadata or {})


def _order(match: Match) -> tuple[float, str]:
    return -match.score, match.id
