"""Hybrid search on any store: a dense and a lexical ranking, fused."""

import asyncio
from dataclasses import dataclass

import numpy as np

from askmesh_vectordb.filters import Filter
from askmesh_vectordb.fusion import reciprocal_rank_fusion
from askmesh_vectordb.stores.base import Match, Metadata, Query, Store, Vector


@dataclass(frozen=True, slots=True)
class Search:
    top_k: int
    text: str | None = None
    vector: Vector | None = None
    filter: Filter | None = None
    include_values: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A match with its place and score in each ranking; `cosine` is known wherever a vector was asked with."""

    id: str
    score: float
    metadata: Metadata
    values: Vector | None
    dense_rank: int | None
    lexical_rank: int | None
    cosine: float | None
    bm25: float | None


async def hybrid_search(store: Store, index: str, namespace: str, wanted: Search, *, depth: int) -> list[Found]:
    """The best `top_k` by reciprocal rank fusion. Each ranking is read at least `depth` deep, and twice `top_k`."""
    dense, lexical = await _rankings(store, index, namespace, wanted, max(depth, 2 * wanted.top_k))
    best = reciprocal_rank_fusion([[match.id for match in ranking] for ranking in (dense, lexical) if ranking])
    best = best[: wanted.top_k]
    # What was deleted since the rankings were made is left out.
    records = await store.fetch(index, namespace, [name for name, _ in best]) if best else {}
    dense_ranks = {match.id: rank for rank, match in enumerate(dense, start=1)}
    lexical_ranks = {match.id: rank for rank, match in enumerate(lexical, start=1)}
    bm25 = {match.id: match.score for match in lexical}
    return [
        Found(
            id=name,
            score=score,
            metadata=records[name].metadata,
            values=records[name].values if wanted.include_values else None,
            dense_rank=dense_ranks.get(name),
            lexical_rank=lexical_ranks.get(name),
            cosine=_cosine(wanted.vector, records[name].values),
            bm25=bm25.get(name),
        )
        for name, score in best
        if name in records
    ]


async def _rankings(
    store: Store, index: str, namespace: str, wanted: Search, depth: int
) -> tuple[list[Match], list[Match]]:
    """The dense and the lexical ranking, made at the same time; without metadata, for most of it is not answered."""

    async def dense() -> list[Match]:
        if wanted.vector is None:
            return []
        query = Query(depth, wanted.vector, filter=wanted.filter, include_metadata=False)
        return await store.query(index, namespace, query)

    async def lexical() -> list[Match]:
        if not wanted.text:
            return []
        return await store.search_text(
            index, namespace, wanted.text, top_k=depth, filter=wanted.filter, include_metadata=False
        )

    # Both are awaited to the end, so that a failure of one leaves nothing running.
    results = await asyncio.gather(dense(), lexical(), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results[0], results[1]  # type: ignore[return-value]


def _cosine(first: Vector | None, second: Vector | None) -> float | None:
    """The cosine similarity; 0 where a vector has no direction, None where one is not there."""
    if first is None or second is None:
        return None
    left, right = first.astype(np.float64), second.astype(np.float64)
    norms = float(np.linalg.norm(left) * np.linalg.norm(right))
    return float(np.clip(left @ right / norms, -1.0, 1.0)) if norms else 0.0
