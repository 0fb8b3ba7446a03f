"""Above the exact limit: recall, changes after the build, snapshots, and answers while the index is being built."""

import asyncio
import json
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from askmesh_vectordb import filters
from askmesh_vectordb.stores.base import IndexInfo, Metric, Query, Record, Selection, Vector
from askmesh_vectordb.stores.local import planner, terms
from askmesh_vectordb.stores.local.blocks import Block
from askmesh_vectordb.stores.local.builder import Builder
from askmesh_vectordb.stores.local.cache import VectorCache
from askmesh_vectordb.stores.local.nearest import Nearest
from askmesh_vectordb.stores.local.rounding import ROUNDING, unit
from askmesh_vectordb.stores.local.store import LocalStore
from askmesh_vectordb.stores.local.view import View

pytestmark = pytest.mark.anyio
COUNT, DIMENSION = 21_000, 32
RNG = np.random.default_rng(3)


def clustered(count: int, dimension: int) -> Vector:
    centres = RNG.normal(size=(count // 100, dimension))
    near = centres[RNG.integers(0, len(centres), count)] + 0.7 * RNG.normal(size=(count, dimension))
    vectors: Vector = near.astype(np.float32)
    return vectors


async def filled(folder: Path, vectors: Vector, metric: Metric = "cosine", **options: Any) -> LocalStore:
    store = LocalStore(folder, **options)
    await store.ensure_index(IndexInfo("docs", vectors.shape[1], metric))
    for start in range(0, len(vectors), 2000):
        part = range(start, min(start + 2000, len(vectors)))
        await store.upsert("docs", "", [Record(f"r{n:05d}", vectors[n], {"n": n}) for n in part])
    return store


async def built(store: LocalStore, query: Vector) -> Nearest:
    """Ask until the index holds every row, and is saved."""
    file = store._catalog.file("docs")
    deadline = time.monotonic() + 110
    while True:
        assert time.monotonic() < deadline
        await store.query("docs", "", Query(1, query))
        if file._builder.idle and 1 in file._cache._graphs:
            return file._cache._graphs[1]
        await asyncio.sleep(0.03)


async def ids(store: LocalStore, query: Vector, top_k: int, raw: dict[str, Any] | None = None) -> list[str]:
    chosen = filters.parse(raw) if raw else None
    return [match.id for match in await store.query("docs", "", Query(top_k, query, filter=chosen))]


def exact(vectors: Vector, query: Vector, top_k: int, allowed: Any) -> list[str]:
    wide = vectors[allowed].astype(np.float64)
    scores = wide @ query / np.linalg.norm(wide, axis=1)
    return [f"r{np.asarray(allowed)[n]:05d}" for n in np.argsort(-scores)[:top_k]]


async def test_recall_filters_and_changes_above_the_limit(tmp_path: Path) -> None:
    vectors = clustered(COUNT, DIMENSION)
    store = await filled(tmp_path, vectors)
    nearest = await built(store, vectors[0])
    assert len(nearest) == COUNT
    queries = vectors[RNG.integers(0, COUNT, 100)] + 0.3 * RNG.normal(size=(100, DIMENSION)).astype(np.float32)

    async def recall(count: int, raw: dict[str, Any] | None, allowed: Any) -> float:
        hits = 0
        for query in queries[:count]:
            hits += len(set(await ids(store, query, 10, raw)) & set(exact(vectors, query, 10, allowed)))
        return hits / (10 * count)

    assert await recall(100, None, np.arange(COUNT)) >= 0.995
    assert await recall(20, {"n": {"$lt": 300}}, np.arange(300)) == 1
    assert await recall(20, {"n": {"$lt": 4200}}, np.arange(4200)) >= 0.99
    assert await recall(20, {"n": {"$gte": 20}}, np.arange(20, COUNT)) >= 0.99

    # Scores are those of float32 vectors, not of the rounded ones in the graph.
    (match,) = await store.query("docs", "", Query(1, vectors[7]))
    assert (match.id, match.score) == ("r00007", pytest.approx(1, abs=1e-6))

    # What is written after the build is found, what is deleted is not, before any further build.
    query = queries[0]
    await store.upsert("docs", "", [Record("new", query, {"n": -1}), Record("r00009", query * 2, {"n": -1})])
    assert (await ids(store, query, 2)) == ["new", "r00009"]
    await store.delete("docs", "", Selection(ids=["new"]))
    assert (await ids(store, query, 1)) == ["r00009"]
    gone = await ids(store, queries[1], 50)
    await store.delete("docs", "", Selection(ids=gone))
    assert not set(await ids(store, queries[1], 50)) & set(gone)
    await store.close()


@pytest.mark.parametrize("metric", ["cosine", "dotproduct", "euclidean"])
def test_the_index_gives_back_what_it_was_given_within_its_rounding(metric: Metric) -> None:
    vectors = np.abs(RNG.normal(size=(300, 24))).astype(np.float32) + np.float32(0.1)
    if metric == "cosine":
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    nearest = Nearest(24, metric, float(np.linalg.norm(vectors, axis=1).max()))
    rows, done = np.arange(1, 301), 0
    while done < 300:
        done += nearest.add(rows[done:], vectors[done:])
    found = nearest.vectors(np.array([7, 300, 301]))
    assert np.abs(found[:2] / vectors[[6, 299]] - 1).max() <= (1e-6 if metric == "euclidean" else 1.01 * ROUNDING)
    assert np.isnan(found[2]).all()
    assert nearest.vectors(rows[:0]).shape == (0, 24)


@pytest.mark.parametrize("metric", ["cosine", "dotproduct", "euclidean"])
def test_many_copies_of_a_vector_do_not_hide_the_others(metric: Metric) -> None:
    vectors = clustered(1000, 32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = RNG.permutation(np.concatenate([vectors, np.repeat(vectors[:2], 500, axis=0)]))
    nearest, rows, done = Nearest(32, metric), np.arange(1, 2001), 0
    while done < 2000:
        done += nearest.add(rows[done:], vectors[done:])
    hits = 0
    for query in vectors[:200] + 0.02 * RNG.normal(size=(200, 32)).astype(np.float32):
        scores = vectors @ query
        found, _ = nearest.search(query, 64)
        hits += np.count_nonzero(np.sort(scores[found - 1])[-10:] >= np.sort(scores)[-10:] - 2e-3)
    assert hits >= 1980
    # Each is still told as what it is.
    off = np.abs(nearest.vectors(rows) - vectors)
    assert (off <= (1e-6 if metric == "euclidean" else 3.1 * ROUNDING) * np.abs(vectors) + 1e-9).all()


async def test_vectors_that_the_index_holds_are_not_kept_twice(tmp_path: Path) -> None:
    vectors = clustered(9000, 32)
    store = await filled(tmp_path, vectors, exact_limit=1000)
    await built(store, vectors[0])
    matrix = store._catalog.file("docs")._cache._matrices[1]
    assert matrix.base > 3000
    assert sum(len(filled.block) for filled in matrix._blocks) <= 8192
    await store.close()
    store = LocalStore(tmp_path, exact_limit=1000)
    assert await ids(store, vectors[5], 1) == ["r00005"]
    assert store._catalog.file("docs")._cache._matrices[1]._blocks == []
    # So few that every one is looked at again.
    await store.delete("docs", "", Selection(filter=filters.parse({"n": {"$gte": 800}})))
    assert await ids(store, vectors[5], 1) == ["r00005"]
    assert 1 not in store._catalog.file("docs")._cache._graphs
    await store.close()


async def test_by_dot_product_vectors_of_like_lengths_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("askmesh_vectordb.stores.local.planner._FEW_CANDIDATES", 10)
    vectors = clustered(4000, 32)
    vectors *= RNG.uniform(0.6, 1, size=(4000, 1)) / np.linalg.norm(vectors, axis=1, keepdims=True)
    store = await filled(tmp_path, vectors, "dotproduct", exact_limit=1000)
    first = await built(store, vectors[0])
    hits = 0
    for query in vectors[:100]:
        best = np.argsort(-(vectors.astype(np.float64) @ query))[:10]
        hits += len({f"r{n:05d}" for n in best} & set(await ids(store, query, 10)))
    assert hits >= 990

    # One that is longer than the index can take makes it be built anew.
    await store.upsert("docs", "", [Record("long", vectors[1] / np.linalg.norm(vectors[1]) * 1.1)])
    file = store._catalog.file("docs")
    while file._cache._graphs[1] is first or not file._builder.idle:
        assert (await ids(store, vectors[1], 1)) == ["long"]
        await asyncio.sleep(0.02)
    assert len(file._cache._graphs[1]) == 4001

    # One that is much longer has every one looked at again, here and after a start.
    await store.upsert("docs", "", [Record("longest", vectors[1] * 5)])
    for _ in range(2):
        matches = await store.query("docs", "", Query(2, vectors[1]))
        assert [match.id for match in matches] == ["longest", "long"]
        assert matches[0].score == pytest.approx(5 * vectors[1] @ vectors[1], rel=1e-5)
        assert store._catalog.file("docs")._cache._graphs == {}
        await store.close()
        store = LocalStore(tmp_path, exact_limit=1000)
    await store.close()


@pytest.mark.parametrize("metric", ["cosine", "dotproduct", "euclidean"])
async def test_what_the_index_does_not_hold_yet_is_found_beside_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metric: Metric
) -> None:
    monkeypatch.setattr("askmesh_vectordb.stores.local.planner._FEW_CANDIDATES", 10)
    vectors = RNG.normal(size=(900, 16)).astype(np.float32)
    vectors *= RNG.uniform(0.6, 1, size=(900, 1)) / np.linalg.norm(vectors, axis=1, keepdims=True)
    store = await filled(tmp_path, vectors[:600], metric, exact_limit=100)
    await built(store, vectors[0])
    monkeypatch.setattr(Builder, "tend", lambda *_: None)
    await store.upsert("docs", "", [Record(f"r{n:05d}", vectors[n], {"n": n}) for n in range(600, 900)])
    await store.delete("docs", "", Selection(ids=[f"r{n:05d}" for n in range(0, 900, 5)]))
    living = np.array([n for n in range(900) if n % 5])
    wide = vectors.astype(np.float64)
    found = 0
    for query in vectors[::9] + 0.1 * RNG.normal(size=(100, 16)).astype(np.float32):
        scores = wide @ query
        if metric == "cosine":
            scores /= np.linalg.norm(wide, axis=1) * np.linalg.norm(query)
        elif metric == "euclidean":
            scores = -((wide - query) ** 2).sum(axis=1)
        for raw, allowed in ((None, living), ({"n": {"$gte": 90}}, living[living >= 90])):
            best = allowed[np.argsort(-scores[allowed])[:5]]
            chosen = filters.parse(raw) if raw else None
            matches = await store.query("docs", "", Query(5, query, filter=chosen))
            found += len({f"r{n:05d}" for n in best} & {match.id for match in matches})
            assert [match.score for match in matches] == pytest.approx(
                [scores[int(match.id[1:])] for match in matches], rel=1e-5, abs=1e-6
            )
    assert found >= 990
    assert store._catalog.file("docs")._cache._graphs[1].last_row == 600
    await store.close()


async def test_queries_are_answered_rightly_while_the_index_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = clustered(8000, 96)
    store = await filled(tmp_path, vectors, exact_limit=1000)
    answered, additions, add = threading.Semaphore(0), [], Nearest.add

    def add_between_answers(self: Nearest, *arguments: Any) -> int:
        additions.append(add(self, *arguments))
        assert answered.acquire(timeout=60)
        return additions[-1]

    monkeypatch.setattr(Nearest, "add", add_between_answers)
    file = store._catalog.file("docs")
    asked, during = 0, 0
    while 1 not in file._cache._graphs or not file._builder.idle:
        n = asked * 37 % 8000
        assert await ids(store, vectors[n], 1) == [f"r{n:05d}"]
        asked += 1
        during += 1 in file._cache._graphs and len(file._cache._graphs[1]) < 8000
        answered.release()
        await asyncio.sleep(0.002)
    assert during > 5
    # An addition has the index to itself: few vectors take milliseconds, all at once seconds.
    assert max(additions) <= 64
    await store.close()


@pytest.mark.parametrize("metric", ["cosine", "dotproduct", "euclidean"])
async def test_many_vectors_wait_for_the_index_in_sixteen_bits_and_answers_stay_exact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metric: Metric
) -> None:
    monkeypatch.setattr(Builder, "tend", lambda *_: None)
    vectors = clustered(3000, 24)
    if metric == "dotproduct":
        vectors *= RNG.uniform(0.6, 1, size=(3000, 1)) / np.linalg.norm(vectors, axis=1, keepdims=True)
    store = await filled(tmp_path, vectors[:900], metric, exact_limit=1000)

    def kinds() -> set[str]:
        matrix = store._catalog.file("docs")._cache._matrices[1]
        return {filled.block.stored.dtype.name for filled in matrix._blocks}

    async def same(present: range) -> None:
        for query in vectors[:40] + np.float32(0.01):
            matches = await store.query("docs", "", Query(10, query))
            wide, narrow = vectors[present].astype(np.float64), query.astype(np.float64)
            scores = wide @ narrow
            if metric == "cosine":
                scores /= np.linalg.norm(wide, axis=1) * np.linalg.norm(narrow)
            elif metric == "euclidean":
                scores = -(((wide - narrow) ** 2).sum(axis=1))
            best = np.argsort(-scores)[:10]
            assert [match.id for match in matches] == [f"r{present[n]:05d}" for n in best]
            assert [abs(match.score) for match in matches] == pytest.approx(np.abs(scores[best]).tolist(), rel=1e-6)

    await same(range(900))
    assert kinds() == {"float32"}
    await store.upsert("docs", "", [Record(f"r{n:05d}", vectors[n]) for n in range(900, 3000)])
    await same(range(3000))
    assert kinds() == ({"float32"} if metric == "euclidean" else {"float32", "uint16"})
    # Many of each kind die: those that are left are as they were.
    await store.delete("docs", "", Selection(ids=[f"r{n:05d}" for n in [*range(500), *range(2000, 3000)]]))
    await same(range(500, 2000))
    await store.close()
    store = LocalStore(tmp_path, exact_limit=1000)
    await same(range(500, 2000))
    assert kinds() == ({"float32"} if metric == "euclidean" else {"uint16"})
    await store.delete("docs", "", Selection(ids=[f"r{n:05d}" for n in range(1000, 2000)]))
    await same(range(500, 1000))
    assert kinds() == {"float32"}
    await store.close()


def test_up_to_the_limit_rounding_decides_nothing_where_a_filter_is_asked() -> None:
    step, dimension = 2.0**-8, 64
    best, looks_better = np.full(dimension, 1 + 0.95 * step), np.ones(dimension)
    looks_better[:57] += 1.05 * step
    others = np.full((3100, dimension), 0.6)
    vectors = np.asarray(np.vstack([best, looks_better, others]) * unit("dotproduct"), np.float32)
    rows, squares = np.arange(len(vectors)), np.einsum("ij,ij->i", vectors, vectors)
    block = Block.of("dotproduct", vectors, squares, rounded=True)
    query = np.ones(dimension, np.float32)
    assert np.argmax(block.scores(query)) == 1
    view = View(dimension, "dotproduct", rows, None, (block,), float(np.sqrt(squares.max())), rounded=True)
    found = planner.ask(view, query, 1, set, exact_limit=4000, read=lambda wanted: vectors[wanted])
    assert found is not None
    assert found[0].tolist() == [0]


def test_what_is_rounded_is_not_rounded_again_in_an_index() -> None:
    vectors = RNG.normal(size=(50, 24)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for metric in ("cosine", "dotproduct"):
        waiting = Block.of(metric, vectors, np.ones(50, np.float32), rounded=True).vectors()
        assert np.abs(waiting / vectors - 1).max() <= 1.01 * ROUNDING
        nearest, rows = Nearest(24, metric, 3.0), np.arange(1, 51)
        assert nearest.add(rows, waiting) == 50
        assert np.allclose(nearest.vectors(rows), waiting, rtol=1e-6)
        assert np.allclose(nearest.products(rows, vectors[0]), waiting @ vectors[0], atol=ROUNDING)


async def test_a_filter_is_looked_up_once_until_something_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = 0
    mask_of = terms.mask_of

    def counting(*arguments: Any) -> Any:
        nonlocal looked
        looked += 1
        return mask_of(*arguments)

    monkeypatch.setattr(terms, "mask_of", counting)
    vectors = clustered(400, 8)
    store = await filled(tmp_path, vectors, exact_limit=100)
    # An index that is built meanwhile has filters looked up again.
    await built(store, vectors[0])
    few = {"n": {"$lt": 5}}
    for _ in range(3):
        for top_k in (3, 5, 9):
            assert len(await ids(store, vectors[0], top_k, few)) == min(top_k, 5)
    assert looked == 1
    assert await store.search_text("docs", "", "word", top_k=3, filter=filters.parse(few)) == []
    assert looked == 1
    # Whatever is written, here or by another process, is seen.
    other = LocalStore(tmp_path, exact_limit=100)
    await other.upsert("docs", "", [Record("new", vectors[0], {"n": 1})])
    assert len(await ids(store, vectors[0], 9, few)) == 6
    await other.update("docs", "", Selection(ids=["new", "r00002"]), set_metadata={"n": 50})
    assert sorted(await ids(store, vectors[0], 9, few)) == ["r00000", "r00001", "r00003", "r00004"]
    await other.delete("docs", "", Selection(ids=["r00003"]))
    assert sorted(await ids(store, vectors[0], 9, few)) == ["r00000", "r00001", "r00004"]
    # However many filters come, few are remembered.
    for n in range(40):
        assert await ids(store, vectors[0], 1, {"n": {"$eq": n % 2}}) == [f"r0000{n % 2}"]
        await ids(store, vectors[0], 1, {"n": {"$gt": n}})
    view = store._catalog.file("docs")._cache.view(1)
    assert view is not None
    assert len(view.masks) <= 8
    await other.close()
    await store.close()


async def test_vectors_that_are_all_replaced_are_no_more_than_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = clustered(900, 8)
    store = await filled(tmp_path, vectors, exact_limit=1000)
    assert await ids(store, vectors[5], 1) == ["r00005"]
    monkeypatch.setattr(VectorCache, "_read_namespace", lambda *_: pytest.fail("read anew"))
    await store.upsert("docs", "", [Record(f"r{n:05d}", vectors[899 - n]) for n in range(900)])
    assert await ids(store, vectors[5], 1) == ["r00894"]
    assert not store._catalog.file("docs")._cache._matrices[1].rounded
    await store.close()


SMALL = clustered(600, 8)


@pytest.fixture
async def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a closed store whose index was built and saved."""
    monkeypatch.setattr("askmesh_vectordb.stores.local.planner._FEW_CANDIDATES", 10)
    store = await filled(tmp_path, SMALL, exact_limit=100)
    await built(store, SMALL[0])
    await store.close()
    return tmp_path


def snapshot(folder: Path) -> tuple[Path, Path]:
    (graph,), (note,) = folder.glob("*.1.usearch"), folder.glob("*.1.json")
    return graph, note


async def additions(folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many vectors a store that opens this folder adds to its index; its answers are right in any case."""
    added = 0
    add = Nearest.add

    def counting(self: Nearest, *arguments: Any) -> int:
        nonlocal added
        count = add(self, *arguments)
        added += count
        return count

    monkeypatch.setattr(Nearest, "add", counting)
    store = LocalStore(folder, exact_limit=100)
    nearest = await built(store, SMALL[0])
    monkeypatch.setattr(Nearest, "add", add)
    assert len(nearest) >= 590
    assert await ids(store, SMALL[5], 1) == ["r00005"]
    await store.close()
    return added


async def test_a_snapshot_of_rounded_unit_vectors_takes_as_long_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By dot product, some hundred of them are longer than the graph's radius once they are rounded."""
    vectors = clustered(600, 8)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    store = await filled(tmp_path, vectors, "dotproduct", exact_limit=100)
    nearest = await built(store, vectors[0])
    assert nearest.largest > nearest.radius
    await store.close()
    monkeypatch.setattr(Nearest, "add", lambda *_: pytest.fail("built anew"))
    store = LocalStore(tmp_path, exact_limit=100)
    for n in range(5):
        assert await ids(store, vectors[n], 1) == [f"r{n:05d}"]
    file = store._catalog.file("docs")
    while not file._builder.idle:
        await asyncio.sleep(0.01)
    await store.close()


async def test_a_snapshot_spares_the_next_start_the_build(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not list(small.glob("*.tmp"))
    assert await additions(small, monkeypatch) == 0
    store = LocalStore(small, exact_limit=100)
    await store.upsert("docs", "", [Record(f"x{n}", SMALL[n] * 2) for n in range(300)])
    await store.close()
    assert await additions(small, monkeypatch) == 300


@pytest.mark.parametrize("harm", ["garbage", "torn", "flipped", "gone", "note", "count", "empty note"])
async def test_a_snapshot_that_is_in_doubt_is_built_anew(
    small: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    graph, note = snapshot(small)
    content = graph.read_bytes()
    told = json.loads(note.read_text())
    match harm:
        case "garbage":
            graph.write_bytes(b"garbage" * 1000)
        case "torn":
            graph.write_bytes(content[: len(content) // 2])
        case "flipped":
            graph.write_bytes(content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])
        case "gone":
            graph.unlink()
        case "note":
            note.write_text("[]")
        case "count":
            note.write_text(json.dumps(told | {"count": 599}))
        case "empty note":
            note.write_text("")
    assert await additions(small, monkeypatch) == 600


async def test_a_snapshot_of_other_vectors_is_built_anew(
    small: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an older file was put back and written to again: the same rows, other vectors at the end."""
    folder = tmp_path_factory.mktemp("other")
    other = np.concatenate([SMALL[:550], SMALL[:50] * [1, -1, 1, -1, 1, -1, 1, -1]]).astype(np.float32)
    store = await filled(folder, other, exact_limit=10_000)
    await store.close()
    (path,) = folder.glob("*.index.sqlite3")
    for file in snapshot(small):
        file.rename(path.with_name(path.name + "".join(file.suffixes[-2:])))
    assert await additions(folder, monkeypatch) == 600


async def test_an_index_of_mostly_dead_rows_is_built_anew(small: Path) -> None:
    store = LocalStore(small, exact_limit=100)
    first = await built(store, SMALL[0])
    await store.delete("docs", "", Selection(filter=filters.parse({"n": {"$gte": 150}})))
    for n in range(3):
        await store.upsert("docs", "", [Record(f"y{m}", SMALL[m] * (n + 2)) for m in range(300)])
    deadline = time.monotonic() + 110
    file = store._catalog.file("docs")
    while file._cache._graphs[1] is first or not file._builder.idle:
        assert time.monotonic() < deadline
        await ids(store, SMALL[0], 1)
        await asyncio.sleep(0.01)
    assert len(file._cache._graphs[1]) == 450
    await store.close()


async def test_search_stays_exact_where_the_index_cannot_be_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = []

    def fail(self: Nearest, *_: Any) -> int:
        attempts.append(self)
        raise MemoryError("no room")

    monkeypatch.setattr(Nearest, "add", fail)
    store = await filled(tmp_path, SMALL, exact_limit=100)
    while not attempts:
        assert await ids(store, SMALL[0], 1) == ["r00000"]
        await asyncio.sleep(0.01)
    for n in range(20):
        assert await ids(store, SMALL[n], 1) == [f"r{n:05d}"]
        await asyncio.sleep(0.01)
    assert len(attempts) == 1
    await store.close()


async def test_dropping_an_index_takes_its_snapshots_along(small: Path) -> None:
    store = LocalStore(small, exact_limit=100)
    await store.drop_index("docs")
    assert sorted(path.name for path in small.iterdir() if "docs" in path.name) == []
    await store.close()
