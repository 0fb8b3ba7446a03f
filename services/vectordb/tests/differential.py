"""Random sequences of operations, done on a store and on a plain model, whose answers are compared."""

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from askmesh_vectordb import filters
from askmesh_vectordb.stores.base import IndexInfo, IndexNotFound, Metric, Query, Record, Selection, Store, Vector
from hypothesis import strategies as st

from .model import Model
from .test_filters import FILTERS, METADATA

DIMENSION = 3
NAMESPACES = st.sampled_from(["", "other"])
IDS = st.sampled_from([f"id{n}" for n in range(8)])
VECTORS = st.lists(st.integers(-4, 4), min_size=DIMENSION, max_size=DIMENSION).filter(any)
RECORDS = st.lists(st.tuples(IDS, VECTORS, METADATA), min_size=1, max_size=6)
METRICS = st.sampled_from(["cosine", "dotproduct", "euclidean"])
OPERATION = st.one_of(
    st.tuples(st.just("upsert"), NAMESPACES, RECORDS),
    st.tuples(st.just("update"), NAMESPACES, IDS, st.none() | VECTORS, METADATA),
    st.tuples(st.just("update where"), NAMESPACES, FILTERS, METADATA),
    st.tuples(st.just("delete"), NAMESPACES, st.lists(IDS, min_size=1, max_size=3)),
    st.tuples(st.just("delete where"), NAMESPACES, FILTERS),
    st.tuples(st.just("delete all"), NAMESPACES),
    st.tuples(st.just("reopen"), NAMESPACES),
    st.tuples(st.just("query"), NAMESPACES, VECTORS, st.none() | FILTERS, st.integers(1, 9)),
)
OPERATIONS = st.lists(OPERATION, min_size=4, max_size=25)


def vector(values: list[int]) -> Vector:
    return np.array(values, dtype=np.float32)


class Pair:
    """The store and the model, driven together and compared after each step."""

    def __init__(self, opened: Callable[[], Store], metric: Metric) -> None:
        self._opened, self.store, self.model = opened, opened(), Model(metric)

    async def apply(self, operation: Any) -> None:
        kind, namespace, *rest = operation
        await getattr(self, "_" + kind.replace(" ", "_"))(namespace, *rest)
        assert {name: count for name, count in (await self.store.count("docs")).items() if count} == self.model.counts()

    async def _upsert(self, namespace: str, given_records: list[Any]) -> None:
        records = [Record(name, vector(values), metadata) for name, values, metadata in given_records]
        await self.store.upsert("docs", namespace, records)
        self.model.upsert(namespace, records)

    async def _update(self, namespace: str, name: str, values: list[int] | None, changes: dict[str, Any]) -> None:
        new = None if values is None else vector(values)
        chosen = [name] if name in self.model.select(namespace) else []
        done = await self.store.update("docs", namespace, Selection(ids=[name]), values=new, set_metadata=changes)
        assert done == len(chosen)
        self.model.update(namespace, chosen, new, changes)

    async def _update_where(self, namespace: str, raw: dict[str, Any], changes: dict[str, Any]) -> None:
        chosen = self.model.select(namespace, filters.parse(raw))
        selection = Selection(filter=filters.parse(raw))
        assert await self.store.update("docs", namespace, selection, set_metadata=changes) == len(chosen)
        self.model.update(namespace, chosen, None, changes)

    async def _delete(self, namespace: str, names: list[str]) -> None:
        await self.store.delete("docs", namespace, Selection(ids=names))
        self.model.delete(namespace, [name for name in self.model.select(namespace) if name in names])

    async def _delete_where(self, namespace: str, raw: dict[str, Any]) -> None:
        await self.store.delete("docs", namespace, Selection(filter=filters.parse(raw)))
        self.model.delete(namespace, self.model.select(namespace, filters.parse(raw)))

    async def _delete_all(self, namespace: str) -> None:
        await self.store.delete("docs", namespace, Selection(everything=True))
        self.model.delete(namespace, self.model.select(namespace))

    async def _reopen(self, _: str) -> None:
        await self.store.close()
        self.store = self._opened()

    async def _query(self, namespace: str, values: list[int], raw: dict[str, Any] | None, top_k: int) -> None:
        chosen = filters.parse(raw) if raw else None
        wanted = self.model.query(namespace, vector(values), chosen)
        query = Query(top_k, vector(values), filter=chosen, include_values=True)
        matches = await self.store.query("docs", namespace, query)
        assert [match.score for match in matches] == pytest.approx([score for _, score in wanted[:top_k]], abs=1e-5)
        scores = dict(wanted)
        for match in matches:
            record = self.model.namespaces[namespace][match.id]
            assert match.score == pytest.approx(scores[match.id], abs=1e-5)
            assert match.metadata == record.metadata
            assert np.array_equal(match.values, record.values)  # type: ignore[arg-type]


def compare(opened: Callable[[Path], Store], metric: Metric, operations: list[Any]) -> None:
    """`opened` opens the store on a folder of its own; the index is made for the sequence and dropped after it."""

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            pair = Pair(lambda: opened(Path(folder)), metric)
            # A server keeps what an example that failed left behind.
            with suppress(IndexNotFound):
                await pair.store.drop_index("docs")
            await pair.store.ensure_index(IndexInfo("docs", DIMENSION, metric))
            for operation in operations:
                await pair.apply(operation)
            for namespace in ("", "other"):
                await pair.apply(("query", namespace, [1, 2, 3], None, 9))
            await pair.store.drop_index("docs")
            await pair.store.close()

    asyncio.run(run())
