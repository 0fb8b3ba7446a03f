"""Processes see each other; damaged files, full queues and disks are typed errors; what is dropped is gone."""

import asyncio
import resource
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from askmesh_vectordb.stores.base import (
    IndexInfo,
    IndexNotFound,
    Query,
    Record,
    Selection,
    StorageFull,
    StoreDamaged,
    StoreOverloaded,
    StoreUnavailable,
)
from askmesh_vectordb.stores.local.store import LocalStore

from .writers import Writers

pytestmark = pytest.mark.anyio
VECTOR = np.array([1, 2, 3, 4], dtype=np.float32)


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[Writers]:
    writers = Writers(tmp_path)
    yield writers
    writers.close()


async def test_two_processes_see_each_others_writes_at_once(tmp_path: Path, writers: Writers) -> None:
    store = LocalStore(tmp_path)
    await store.ensure_index(IndexInfo("docs", 4, "cosine"))
    writers.start("p")
    for _ in range(10):
        said = None
        while said is None:
            said = writers.listen()
        found = await store.query("docs", "", Query(10_000, VECTOR))
        assert f"p-{said[1]}-1" in {match.id for match in found}
        await store.upsert("docs", "", [Record(f"mine-{said[1]}", VECTOR)])
    assert len(await store.query("docs", "", Query(10, VECTOR))) == 10
    await store.close()


async def test_two_stores_agree_on_updates_deletes_and_drops(tmp_path: Path) -> None:
    first, second = LocalStore(tmp_path), LocalStore(tmp_path)
    assert await first.ensure_index(IndexInfo("docs", 4, "cosine"))
    assert not await second.ensure_index(IndexInfo("docs", 4, "cosine"))
    await first.upsert("docs", "", [Record("a", VECTOR, {"text": "one"}), Record("b", VECTOR)])
    assert [match.id for match in await second.query("docs", "", Query(5, VECTOR))] == ["a", "b"]
    await second.upsert("docs", "", [Record("a", -VECTOR, {"text": "two"})])
    await second.delete("docs", "", Selection(ids=["b"]))
    (match,) = await first.query("docs", "", Query(5, VECTOR))
    assert (match.id, match.score, match.metadata) == ("a", pytest.approx(-1), {"text": "two"})
    await first.drop_index("docs")
    with pytest.raises(IndexNotFound):
        await second.upsert("docs", "", [Record("c", VECTOR)])
    await first.ensure_index(IndexInfo("docs", 2, "dotproduct"))
    short = np.array([1, 2], dtype=np.float32)
    await second.upsert("docs", "", [Record("d", short)])
    assert [match.id for match in await first.query("docs", "", Query(5, short))] == ["d"]
    await first.close()
    await second.close()


async def test_a_drop_that_was_cut_off_is_finished(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    await store.ensure_index(IndexInfo("docs", 4, "cosine"))
    store._catalog.file("docs").mark_dropped()
    with pytest.raises(IndexNotFound):
        await store.upsert("docs", "", [Record("a", VECTOR)])
    assert await store.list_indexes() == []
    await store.ensure_index(IndexInfo("docs", 4, "cosine"))
    store._catalog.file("docs").mark_dropped()
    assert await store.ensure_index(IndexInfo("docs", 4, "euclidean"))
    await store.upsert("docs", "", [Record("a", VECTOR)])
    await store.close()


async def test_many_tombstones_are_forgotten_and_readers_recover(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("askmesh_vectordb.stores.local.writes._TOMBSTONES_KEPT", 20)
    writer, reader = LocalStore(tmp_path), LocalStore(tmp_path)
    await writer.ensure_index(IndexInfo("docs", 4, "cosine"))
    await writer.upsert("docs", "", [Record(f"r{n}", VECTOR) for n in range(200)])
    assert len(await reader.query("docs", "", Query(500, VECTOR))) == 200
    for n in range(150):
        await writer.delete("docs", "", Selection(ids=[f"r{n}"]))
    for store in (reader, writer):
        assert len(await store.query("docs", "", Query(500, VECTOR))) == 50
    # Records that are replaced again and again leave no more of them.
    for _ in range(10):
        await writer.upsert("docs", "", [Record(f"r{n}", VECTOR) for n in range(150, 200)])
    with writer._catalog.file("docs").reading() as connection:
        (left,) = connection.execute("SELECT count(*) FROM tombstones").fetchone()
    assert left <= 2 * 20 + 50
    assert len(await reader.query("docs", "", Query(500, VECTOR))) == 50
    await writer.close()
    await reader.close()


async def test_a_matrix_full_of_the_dead_is_compacted(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    await store.ensure_index(IndexInfo("docs", 4, "euclidean"))
    rng = np.random.default_rng(0)
    vectors = {f"r{n:04d}": rng.normal(size=4).astype(np.float32) for n in range(700)}
    for _ in range(4):
        await store.upsert("docs", "", [Record(name, values) for name, values in vectors.items()])
        matches = await store.query("docs", "", Query(1000, VECTOR))
        wanted = sorted(vectors, key=lambda name: float(np.sum((vectors[name].astype(float) - VECTOR) ** 2)))
        assert [match.id for match in matches] == wanted
    file = store._catalog.file("docs")
    assert file._cache._matrices[1].count < 4 * 700
    await store.close()


async def test_a_full_disk_is_a_typed_error_and_the_store_goes_on(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    await store.ensure_index(IndexInfo("docs", 4, "cosine"))
    await store.upsert("docs", "", [Record("kept", VECTOR)])
    file = store._catalog.file("docs")
    with file.connection() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    big = [Record(f"r{n}", VECTOR, {"text": "word " * 2000}) for n in range(20)]
    with pytest.raises(StorageFull):
        await store.upsert("docs", "", big)
    assert await store.count("docs") == {"": 1}
    await store.upsert("docs", "", big)
    assert await store.count("docs") == {"": 21}
    await store.close()


async def test_a_file_size_limit_is_a_typed_error_too(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    await store.ensure_index(IndexInfo("docs", 4, "cosine"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        with pytest.raises((StorageFull, StoreUnavailable)):
            await store.upsert("docs", "", [Record(f"r{n}", VECTOR, {"text": "word " * 2000}) for n in range(60)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert await store.count("docs") == {}
    await store.upsert("docs", "", [Record("a", VECTOR)])
    assert await store.count("docs") == {"": 1}
    await store.close()


async def test_a_damaged_file_is_told_and_not_read(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    await store.ensure_index(IndexInfo("docs", 4, "cosine"))
    await store.close()
    (path,) = tmp_path.glob("docs-*.index.sqlite3")
    path.write_bytes(b"not a database" * 1000)
    store = LocalStore(tmp_path)
    with pytest.raises(StoreDamaged):
        await store.query("docs", "", Query(1, VECTOR))
    await store.close()


async def test_a_folder_that_cannot_be_used_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = LocalStore(tmp_path / "file" / "below")
    with pytest.raises(StoreUnavailable):
        await store.list_indexes()
    await store.close()


async def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    await store.ensure_index(IndexInfo("docs", 4, "cosine"))
    await store.close()
    (path,) = tmp_path.glob("docs-*.index.sqlite3")
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("INSERT INTO schema_version VALUES (99)")
    connection.close()
    store = LocalStore(tmp_path)
    with pytest.raises(StoreDamaged, match="schema 99"):
        await store.count("docs")
    await store.close()


async def test_more_than_the_queue_holds_is_refused(tmp_path: Path) -> None:
    store = LocalStore(tmp_path, threads=1, queue=3)
    await store.ensure_index(IndexInfo("docs", 4, "cosine"))
    calls = [store.upsert("docs", "", [Record(f"r{n}", VECTOR)]) for n in range(10)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    refused = [result for result in results if isinstance(result, StoreOverloaded)]
    assert len(refused) == 7
    assert await store.count("docs") == {"": 3}
    await store.close()
