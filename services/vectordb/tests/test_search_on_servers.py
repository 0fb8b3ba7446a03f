"""Search among more vectors than are compared one by one, on the stores that have a server: what they find."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from askmesh_vectordb.stores.base import IndexInfo, Metric, Query, Record, Selection, Store, UnsupportedFilter
from askmesh_vectordb.stores.bound import Binding, BoundStore
from askmesh_vectordb.stores.contract import found, parse, vec
from askmesh_vectordb.stores.postgres.store import PostgresStore
from askmesh_vectordb.stores.redis.store import RedisStore
from numpy.typing import NDArray

pytestmark = pytest.mark.anyio
COUNT, DIMENSION, TOP_K = 500, 16, 10
VALUES = np.random.default_rng(7).normal(size=(COUNT, DIMENSION)).astype(np.float32)
UNITS = VALUES / np.linalg.norm(VALUES, axis=1, keepdims=True)
QUERIES = np.random.default_rng(8).normal(size=(6, DIMENSION)).astype(np.float32)


STORES: dict[str, tuple[Any, dict[str, str]]] = {
    "postgres": (PostgresStore, {"schema": "askmesh_test"}),
    "redis": (RedisStore, {"prefix": "askmesh-test"}),
}


@pytest.fixture
async def store(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    make, apart = STORES[kind]
    store: Store = make(request.getfixturevalue(f"{kind}_url"), folder=tmp_path, exact_limit=50, **apart)
    yield store
    await store.drop_index("docs")
    await store.close()


def truth(metric: Metric, query: NDArray[np.float32], values: NDArray[np.float32], rows: list[int]) -> list[str]:
    chosen = values[rows].astype(np.float64)
    if metric == "euclidean":
        scores = -np.square(chosen - query).sum(axis=1)
    else:
        scores = chosen @ query
        if metric == "cosine":
            scores = scores / np.linalg.norm(chosen, axis=1)
    return [f"r{rows[place]}" for place in np.argsort(-scores)[:TOP_K]]


@pytest.mark.parametrize(
    ("kind", "metric", "values"),
    [
        ("postgres", "cosine", VALUES),
        ("postgres", "dotproduct", VALUES),
        ("postgres", "euclidean", VALUES),
        ("redis", "cosine", VALUES),
        # A vector set knows angles only, so it matters whether all vectors are of one length.
        ("redis", "dotproduct", VALUES),
        ("redis", "euclidean", UNITS),
    ],
)
async def test_nearly_all_of_the_nearest_are_found_with_and_without_filters(
    store: Store, metric: Metric, values: NDArray[np.float32]
) -> None:
    await store.ensure_index(IndexInfo("docs", DIMENSION, metric))
    for start in range(0, COUNT, 250):
        rows = range(start, start + 250)
        await store.upsert("docs", "", [Record(f"r{n}", values[n], {"n": n, "even": n % 2 == 0}) for n in rows])
    cases = [
        # By the graph, by the graph with a filter, and exactly: among few, and where the graph shows too few.
        (None, list(range(COUNT)), 0.95),
        (parse({"even": True}), list(range(0, COUNT, 2)), 0.95),
        (parse({"n": {"$lt": 40}}), list(range(40)), 1.0),
        (parse({"n": {"$lt": 55}}), list(range(55)), 0.95),
    ]
    for chosen, rows, least in cases:
        found = [await store.query("docs", "", Query(TOP_K, query, filter=chosen)) for query in QUERIES]
        wanted = [truth(metric, query, values, rows) for query in QUERIES]
        assert all(len(matches) == TOP_K for matches in found)
        hits = sum(
            len({match.id for match in matches} & set(right)) for matches, right in zip(found, wanted, strict=True)
        )
        assert hits >= least * TOP_K * len(QUERIES)
    # More than are there come all, whatever the plan.
    assert len(await store.query("docs", "", Query(COUNT, QUERIES[0], filter=parse({"n": {"$gte": 400}})))) == 100
    await store.delete("docs", "", Selection(filter=parse({"n": {"$gte": 60}})))
    assert len(await store.query("docs", "", Query(100, QUERIES[0]))) == 60


@pytest.mark.parametrize("kind", STORES)
async def test_a_bound_store_shows_and_changes_only_its_part(store: Store) -> None:
    await store.ensure_index(IndexInfo("docs", 2, "cosine"))
    records = [Record(f"r{n:02d}", vec(1, n), {"text": "walrus", "audience": ["public"] * (n % 2)}) for n in range(60)]
    for namespace in ("", "tenant"):
        await store.upsert("docs", namespace, records)
    bound = BoundStore(store, Binding("tenant", parse({"audience": "public"})))
    public = [f"r{n:02d}" for n in range(1, 60, 2)]
    assert await bound.count("docs") == {"tenant": 30}
    assert sorted(await found(bound, vec(1, 1), 60, "tenant")) == public
    assert await found(bound, vec(1, 1)) == []
    assert [match.id for match in await bound.query("docs", "tenant", Query(5, id="r00"))] == []
    words = await bound.search_text("docs", "tenant", "walrus", top_k=60)
    assert sorted(match.id for match in words) == public
    await bound.delete("docs", "tenant", Selection(everything=True))
    assert await store.count("docs") == {"": 60, "tenant": 30}


@pytest.mark.parametrize("kind", STORES)
async def test_a_filter_of_very_many_conditions_is_answered_or_refused(store: Store) -> None:
    await store.ensure_index(IndexInfo("docs", 2, "cosine"))
    await store.upsert("docs", "", [Record(f"r{n:02d}", vec(1, n), {"n": n}) for n in range(60)])
    for count in (300, 5000):
        chosen = parse({"$or": [{"n": {"$gte": n}} for n in range(50, 50 + count)]})
        try:
            assert len(await found(store, vec(1, 1), 60, filter=chosen)) == 10
        except UnsupportedFilter:
            assert count == 5000
    assert len(await found(store, vec(1, 1), 60, filter=parse({"n": {"$in": list(range(50, 10_050))}}))) == 10
