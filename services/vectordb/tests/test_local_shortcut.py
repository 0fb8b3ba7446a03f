"""A search that has nothing to wait for is answered on the event loop, as a thread would answer it; any other is not."""

import asyncio
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from askmesh_vectordb import filters
from askmesh_vectordb.stores.base import IndexInfo, IndexNotFound, Match, Query, Record, WrongDimension
from askmesh_vectordb.stores.local import reads, shortcut
from askmesh_vectordb.stores.local.store import LocalStore

pytestmark = pytest.mark.anyio
RNG = np.random.default_rng(5)
VECTORS = RNG.normal(size=(600, 8)).astype(np.float32)


@pytest.fixture
async def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """With an approximate index over 600 vectors, which is built."""
    monkeypatch.setattr("askmesh_vectordb.stores.local.planner._FEW_CANDIDATES", 10)
    # However busy the machine and its disk are.
    monkeypatch.setattr(shortcut, "_TOO_LONG_S", float("inf"))
    monkeypatch.setattr(shortcut, "_disk_reads", lambda: 0)
    store = LocalStore(tmp_path, exact_limit=100)
    await store.ensure_index(IndexInfo("docs", 8, "cosine"))
    await store.upsert("docs", "", [Record(f"r{n:03d}", vector, {"n": n}) for n, vector in enumerate(VECTORS)])
    deadline = time.monotonic() + 60
    while 1 not in store._catalog.file("docs")._cache._graphs or not store._catalog.file("docs").is_quiet:
        assert time.monotonic() < deadline
        await ask(store, 0)
        await asyncio.sleep(0.01)
    await ask(store, 0)
    yield store
    await store.close()


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where each search was made: `loop` or `thread`."""
    here, made, query = threading.get_ident(), [], reads.query

    def noting(*arguments: Any) -> list[Match]:
        made.append("loop" if threading.get_ident() == here else "thread")
        return query(*arguments)

    monkeypatch.setattr(reads, "query", noting)
    return made


async def ask(store: LocalStore, n: int, top_k: int = 3, **options: Any) -> list[Match]:
    return await store.query("docs", "", Query(top_k, VECTORS[n], **options))


async def test_answers_are_those_of_a_thread(store: LocalStore, places: list[str]) -> None:
    quick = [await ask(store, n, include_values=True) for n in range(50)]
    store._shortcut._closed_until = float("inf")
    slow = [await ask(store, n, include_values=True) for n in range(50)]
    assert places == 50 * ["loop"] + 50 * ["thread"]
    for first, second in zip(quick, slow, strict=True):
        assert [(match.id, match.score, match.metadata) for match in first] == [
            (match.id, match.score, match.metadata) for match in second
        ]
        assert all((a.values == b.values).all() for a, b in zip(first, second, strict=True))  # type: ignore[union-attr]


async def test_what_takes_longer_is_for_a_thread(store: LocalStore, places: list[str]) -> None:
    await ask(store, 1, top_k=21)
    await ask(store, 1, filter=filters.parse({"n": {"$lt": 9}}))
    await store.query("docs", "", Query(3, id="r001"))
    await store.query("docs", "", Query(3, np.zeros(8, np.float32)))
    assert places == 4 * ["thread"]
    with pytest.raises(WrongDimension):
        await store.query("docs", "", Query(3, VECTORS[0][:7]))
    with pytest.raises(IndexNotFound):
        await store.query("other", "", Query(3, VECTORS[0]))
    assert await store.query("docs", "elsewhere", Query(3, VECTORS[0])) == []


async def test_what_was_written_is_read_in_a_thread_and_seen(
    store: LocalStore, tmp_path: Path, places: list[str]
) -> None:
    other = LocalStore(tmp_path, exact_limit=100)
    for writer in (store, other):
        name = "mine" if writer is store else "others"
        await writer.upsert("docs", "", [Record(name, VECTORS[7] * 2)])
        assert name in [match.id for match in await ask(store, 7)]
        assert name in [match.id for match in await ask(store, 7)]
        assert places == ["thread", "loop"]
        places.clear()
    await other.drop_index("docs")
    with pytest.raises(IndexNotFound):
        await ask(store, 7)
    await other.close()


async def test_nothing_that_others_hold_is_waited_for(store: LocalStore, tmp_path: Path, places: list[str]) -> None:
    file = store._catalog.file("docs")
    with closing(sqlite3.connect(file.path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        writer.execute("UPDATE namespaces SET explicit = 1")
        assert [match.id for match in await ask(store, 3, top_k=1)] == ["r003"]
    assert places == ["loop"]
    # The lock of the vectors, which somebody holds who reads many of them.
    with file._cache._lock:
        waiting = asyncio.create_task(ask(store, 3))
        await asyncio.sleep(0.02)
        assert not waiting.done()
    assert (await waiting)[0].id == "r003"
    # While another operation is under way, a search does not keep the loop from it.
    done = threading.Event()
    busy = asyncio.create_task(store._run(store._readers, done.wait))
    await asyncio.sleep(0)
    assert (await ask(store, 3))[0].id == "r003"
    done.set()
    await busy
    assert places == ["loop", "thread", "thread"]


async def test_where_the_disk_is_slow_the_next_ones_go_to_threads_for_a_while(
    store: LocalStore, places: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read, query = 0.0, reads.query

    def slowly(*arguments: Any) -> list[Match]:
        nonlocal read
        read += blocks
        time.sleep(0.005)
        return query(*arguments)

    monkeypatch.setattr(shortcut, "_disk_reads", lambda: read)
    monkeypatch.setattr(reads, "query", slowly)
    # On a busy machine others have the processor, and nothing is read.
    blocks = 0
    await ask(store, 1)
    await ask(store, 1)
    blocks = 8
    await ask(store, 1)
    await ask(store, 1)
    assert places == ["loop", "loop", "loop", "thread"]
    monkeypatch.setattr(reads, "query", query)
    await asyncio.sleep(max(0, store._shortcut._closed_until - time.perf_counter()))
    await ask(store, 1)
    assert places[-1] == "loop"


async def test_of_many_at_the_same_time_one_is_answered_on_the_loop(store: LocalStore, places: list[str]) -> None:
    answers = await asyncio.gather(*(ask(store, n) for n in range(40)))
    assert [answer[0].id for answer in answers] == [f"r{n:03d}" for n in range(40)]
    assert places[0] == "loop"
    assert places.count("thread") >= 30


async def test_who_asks_again_and_again_lets_others_have_their_turn(store: LocalStore, places: list[str]) -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    for n in range(50):
        await ask(store, n)
    task.cancel()
    assert turns >= 50
    assert places == 50 * ["loop"]
