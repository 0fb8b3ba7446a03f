"""Random sequences of operations give the embedded store and a plain model the same answers."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from askmesh_vectordb import filters
from askmesh_vectordb.stores.base import IndexInfo, Metric, Query, Record, Selection, Vector
from askmesh_vectordb.stores.local.store import LocalStore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .model import Model
from .test_filters import FILTERS, METADATA

DIMENSION = 3
NAMESPACES = st.sampled_from(["", "other"])
IDS = st.sampled_from([f"id{n}" for n in range(8)])
VECTORS = st.lists(st.integers(-4, 4), min_size=DIMENSION, max_size=DIMENSION).filter(any)
RECORDS = st.lists(st.tuples(IDS, VECTORS, METADATA), min_size=1, max_size=6)
OPERATIONS = st.one_of(
    st.tuples(st.just("upsert"), NAMESPACES, RECORDS),
    st.tuples(st.just("update"), NAMESPACES, IDS, st.none() | VECTORS, METADATA),
    st.tuples(st.just("update where"), NAMESPACES, FILTERS, METADATA),
    st.tuples(st.just("delete"), NAMESPACES, st.lists(IDS, min_size=1, max_size=3)),
    st.tuples(st.just("delete where"), NAMESPACES, FILTERS),
    st.tuples(st.just("delete all"), NAMESPACES),
    st.tuples(st.just("reopen"), NAMESPACES),
    st.tuples(st.just("query"), NAMESPACES, VECTORS, st.none() | FILTERS, st.integers(1, 9)),
)


def vector(values: list[int]) -> Vector:
    return np.array(values, dtype=np.float32)


class Pair:
    """The store and the model, driven together and compared after each step."""

    def __init__(self, folder: Path, metric: Metric, exact_limit: int) -> None:
        self.folder, self.model, self.exact_limit = folder, Model(metric), exact_limit
        self.store = self.opened()

    def opened(self) -> LocalStore:
        return LocalStore(self.folder, exact_limit=self.exact_limit)

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
        self.store = self.opened()

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


@pytest.mark.parametrize(
    ("metric", "exact_limit"),
    # With a limit of 0 the approximate index has its say over these few vectors too, and finds all of them.
    [
        ("cosine", 20_000),
        ("dotproduct", 20_000),
        ("euclidean", 20_000),
        ("cosine", 0),
        ("dotproduct", 0),
        ("euclidean", 0),
    ],
)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=st.lists(OPERATIONS, min_size=4, max_size=25))
def test_the_store_answers_as_the_model_does(
    monkeypatch: pytest.MonkeyPatch, metric: Metric, exact_limit: int, operations: list[Any]
) -> None:
    monkeypatch.setattr("askmesh_vectordb.stores.local.planner._FEW_CANDIDATES", 0)
    monkeypatch.setattr("askmesh_vectordb.stores.local.builder._SMALLEST_STEP", 1)

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            pair = Pair(Path(folder), metric, exact_limit)
            await pair.store.ensure_index(IndexInfo("docs", DIMENSION, metric))
            for operation in operations:
                await pair.apply(operation)
            for namespace in ("", "other"):
                await pair.apply(("query", namespace, [1, 2, 3], None, 9))
            await pair.store.close()

    asyncio.run(run())
