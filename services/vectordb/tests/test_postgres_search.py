"""The postgres store's tables: which plans its searches take, and what fits into a column."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from askmesh_kit.errors import InvalidRequest
from askmesh_vectordb.stores.base import IndexInfo, Metric, Query, Record
from askmesh_vectordb.stores.contract import parse, vec
from askmesh_vectordb.stores.postgres.search import TOWARDS_THE_GRAPH, graph_statement
from askmesh_vectordb.stores.postgres.store import PostgresStore
from askmesh_vectordb.stores.postgres.table import Table
from psycopg import AsyncConnection

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(postgres_url: str, tmp_path: Path) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(postgres_url, folder=tmp_path, schema="askmesh_test", exact_limit=50)
    yield store
    await store.drop_index("docs")
    await store.close()


@pytest.mark.parametrize("metric", ["cosine", "dotproduct", "euclidean"])
@pytest.mark.parametrize("raw", [None, {"kind": "text"}, {"n": {"$gt": 5}, "kind": {"$nin": ["a", "b"]}}])
async def test_a_search_of_many_goes_by_the_graph(
    store: PostgresStore, metric: Metric, raw: dict[str, object] | None
) -> None:
    await store.ensure_index(IndexInfo("docs", 2, metric))
    await store.upsert("docs", "", [Record(f"r{n}", vec(1, n), {"n": n, "kind": "text"}) for n in range(80)])
    wanted = Query(10, vec(1, 1), filter=parse(raw) if raw else None)

    async def explain(connection: AsyncConnection, table: Table) -> list[str]:
        statement, parameters = graph_statement(table, "", wanted, vec(1, 1), 40)
        await connection.execute(TOWARDS_THE_GRAPH, ["100"])
        cursor = await connection.execute(f"EXPLAIN {statement}", parameters)
        return [line for (line,) in await cursor.fetchall()]

    plan = "\n".join(await store._write("docs", explain))
    assert "Order By: " in plan
    assert "Index Scan using records_" in plan
    assert "Seq Scan" not in plan


async def test_dimensions_beyond_an_index_are_searched_exactly_and_beyond_a_vector_refused(
    store: PostgresStore,
) -> None:
    await store.ensure_index(IndexInfo("docs", 4001, "cosine"))
    values = np.eye(2, 4001, dtype=np.float32)
    await store.upsert("docs", "", [Record("a", values[0]), Record("b", values[1] * 1e15)])
    (match,) = await store.query("docs", "", Query(1, values[1], include_values=True))
    assert (match.id, match.score) == ("b", 1.0)
    assert np.array_equal(match.values, values[1] * np.float32(1e15))  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest, match="16000"):
        await store.ensure_index(IndexInfo("wide", 20_000, "cosine"))


async def test_numbers_of_any_size_are_kept_to_the_digit(store: PostgresStore) -> None:
    await store.ensure_index(IndexInfo("docs", 2, "cosine"))
    metadata = {"large": 1e300, "small": 5e-324, "zero": -0.0, "whole": 2**53 + 1, "float": 1.0, "\u0000": "\u0000"}
    await store.upsert("docs", "", [Record("a", np.array([1e-30, 1e15], dtype=np.float32), metadata)])
    kept = (await store.fetch("docs", "", ["a"]))["a"].metadata
    assert [repr(value) for value in kept.values()] == [repr(value) for value in metadata.values()]
    for raw in ({"large": {"$gt": 9e299}}, {"small": {"$gt": 0}}, {"whole": 2**53}, {"zero": 0}, {"\u0000": "\u0000"}):
        assert len(await store.query("docs", "", Query(1, np.array([0, 1], dtype=np.float32), filter=parse(raw)))) == 1
