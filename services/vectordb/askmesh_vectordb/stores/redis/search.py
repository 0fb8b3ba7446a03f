"""How a search goes about it: exactly over few records, by the vector set over many, exactly where that found too
little. What the vector set finds is scored once more by the float32 that are kept beside it."""

from collections.abc import Sequence

import numpy as np

from askmesh_vectordb.stores.base import Match, Metric, Query, Vector
from askmesh_vectordb.stores.redis import attributes, records
from askmesh_vectordb.stores.redis.client import Server
from askmesh_vectordb.stores.redis.keys import Index, Space
from askmesh_vectordb.stores.redis.records import Held

_MOST_APPROXIMATE = 1000
_OVERFETCH, _LEAST_FETCHED, _GROWTH = 2, 40, 8


class Search:
    """`exact_limit`: records up to which each is looked at; `ef`: breadth of the search in the graph, at least."""

    def __init__(self, server: Server, exact_limit: int, ef: int) -> None:
        self._server, self._exact_limit, self._ef = server, exact_limit, ef

    async def __call__(self, index: Index, namespace: str, wanted: Query) -> tuple[list[Match], list[str]]:
        """The matches, and the ids that the vector set has yet to take in."""
        space = index.space(namespace)
        vector = wanted.vector
        if vector is None:
            known = await records.read(self._server, space, [wanted.id or ""], text=False)
            if not known:
                return [], []
            vector = known[0].values
        assert vector is not None
        size, uneven = await self._server.ask_all([("ZCARD", space.ids), ("SCARD", space.uneven)])
        # A vector set knows angles only; between vectors of one length they decide the other metrics too.
        usable = np.any(vector) and (index.info.metric == "cosine" or not uneven)
        pending: list[str] = []
        if usable and size > self._exact_limit and wanted.top_k <= _MOST_APPROXIMATE:
            matches, pending = await self._approximate(index, space, wanted, vector, size)
            if matches is not None:
                return matches, pending
        return await self._exact(index, space, wanted, vector), pending

    async def _approximate(
        self, index: Index, space: Space, wanted: Query, vector: Vector, size: int
    ) -> tuple[list[Match] | None, list[str]]:
        """None where the vector set shows too little."""
        count = max(_LEAST_FETCHED, _OVERFETCH * wanted.top_k)
        whole = False
        while count <= 2 * _GROWTH * _MOST_APPROXIMATE:
            pending, found = await self._ask(space, wanted, vector, count, whole)
            held = await records.read(
                self._server,
                space,
                list(dict.fromkeys([*found, *pending])),
                text=wanted.include_metadata or wanted.filter is not None,
            )
            chosen = [record for record in held if record.satisfies(wanted.filter)]
            scores = _scores(index.info.metric, vector, chosen)
            # All that a look at every element let through is all there is.
            if (whole and len(found) < count) or _settled(scores, wanted.top_k):
                return _best(chosen, scores, wanted), pending
            # Next look at every element, and ask for more of them.
            count, whole = (count * _GROWTH if whole or wanted.filter is None else count), True
        return None, pending

    async def _ask(
        self, space: Space, wanted: Query, vector: Vector, count: int, whole: bool
    ) -> tuple[list[str], list[str]]:
        command = ["VSIM", space.vectors, "FP32", vector.astype("<f4").tobytes(), "COUNT", count]
        command += ["TRUTH"] if whole else ["EF", max(self._ef, count)]
        if wanted.filter and (expression := attributes.expression(wanted.filter)):
            command += ["FILTER", expression]
        # What is pending first: what is taken in between is then found twice, and not missed.
        pending, found = await self._server.ask_all([("HKEYS", space.pending), command])
        return [name.decode() for name in pending], [name.decode() for name in found or []]

    async def _exact(self, index: Index, space: Space, wanted: Query, vector: Vector) -> list[Match]:
        best: list[Held] = []
        scores: list[float] = []
        # The metadata of all is read only where the filter asks for it.
        async for page in records.pages(self._server, space, values=True, text=wanted.filter is not None):
            best += [record for record in page if record.satisfies(wanted.filter)]
            scores = _scores(index.info.metric, vector, best)
            order = sorted(range(len(best)), key=lambda place: (-scores[place], best[place].id))[: wanted.top_k]
            best, scores = [best[place] for place in order], [scores[place] for place in order]
        if wanted.include_metadata and wanted.filter is None:
            best = await records.read(self._server, space, [record.id for record in best])
            scores = _scores(index.info.metric, vector, best)
        return _best(best, scores, wanted)


def _settled(scores: Sequence[float], top_k: int) -> bool:
    """Whether there are enough, and not so many of one score that which of them come first is still open."""
    return len(scores) > top_k and min(scores) < sorted(scores, reverse=True)[top_k - 1]


def _best(held: Sequence[Held], scores: Sequence[float], wanted: Query) -> list[Match]:
    ranked = sorted(zip(scores, held, strict=True), key=lambda pair: (-pair[0], pair[1].id))
    return [
        Match(
            record.id,
            score,
            record.values if wanted.include_values else None,
            record.metadata if wanted.include_metadata else None,
        )
        for score, record in ranked[: wanted.top_k]
    ]


def _scores(metric: Metric, vector: Vector, held: Sequence[Held]) -> list[float]:
    if not held:
        return []
    query = vector.astype(np.float64)
    values = np.stack([record.values for record in held if record.values is not None]).astype(np.float64)
    if metric == "euclidean":
        return [-float(distance) for distance in np.square(values - query).sum(axis=1)]
    products = values @ query
    if metric == "dotproduct":
        return [float(product) for product in products]
    norms = np.linalg.norm(values, axis=1) * np.linalg.norm(query)
    # A vector without a direction is similar to none.
    return [float(score) for score in np.divide(products, norms, out=np.zeros_like(products), where=norms > 0)]
