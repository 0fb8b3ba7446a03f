"""Lexical indexes that follow a log: what another process wrote is found, whatever became of the index file."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from askmesh_vectordb.stores.base import IndexInfo, Record, Selection, Store
from askmesh_vectordb.stores.contract import parse, vec, words_found
from askmesh_vectordb.stores.postgres import log as postgres_log
from askmesh_vectordb.stores.postgres import writes as postgres_writes
from askmesh_vectordb.stores.postgres.store import PostgresStore
from askmesh_vectordb.stores.postgres.table import Table
from askmesh_vectordb.stores.redis import writes as redis_writes
from askmesh_vectordb.stores.redis.store import RedisStore
from psycopg import AsyncConnection

pytestmark = pytest.mark.anyio
Open = Callable[[str], Store]


@pytest.fixture(params=["postgres", "redis"])
async def opened(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens stores on one server as processes with folders of their own."""
    url = request.getfixturevalue(f"{request.param}_url")
    stores: list[Store] = []

    def start(folder: str) -> Store:
        if request.param == "postgres":
            stores.append(PostgresStore(url, folder=tmp_path / folder, schema="askmesh_test"))
        else:
            stores.append(RedisStore(url, folder=tmp_path / folder, prefix="askmesh-test"))
        return stores[-1]

    yield start
    await stores[0].drop_index("docs")
    for store in stores:
        await store.close()


async def write(store: Store, texts: dict[str, str], namespace: str = "") -> None:
    await store.upsert("docs", namespace, [Record(name, vec(1, 2), {"text": text}) for name, text in texts.items()])


async def test_what_another_process_wrote_changed_or_deleted_is_found_so(opened: Open) -> None:
    first, second = opened("first"), opened("second")
    await first.ensure_index(IndexInfo("docs", 2, "cosine"))
    await write(first, {"a": "walrus", "b": "walrus"})
    assert await words_found(second, "walrus") == ["a", "b"]
    await write(second, {"c": "walrus"})
    await first.delete("docs", "", Selection(ids=["a"]))
    await first.update("docs", "", Selection(filter=parse({"text": "walrus"})), set_metadata={"header": "tusk"})
    for store in (first, second):
        assert await words_found(store, "walrus") == ["b", "c"]
        assert await words_found(store, "tusk") == ["b", "c"]
    await write(first, {"x": "walrus"}, "other")
    await second.delete("docs", "", Selection(everything=True))
    await write(second, {"d": "walrus"})
    assert await words_found(first, "walrus") == ["d"]
    assert [match.id for match in await second.search_text("docs", "other", "walrus", top_k=5)] == ["x"]
    await first.drop_namespace("docs", "other")
    assert await second.search_text("docs", "other", "walrus", top_k=5) == []


async def test_an_index_made_anew_elsewhere_leaves_nothing_of_the_old_one(opened: Open) -> None:
    first, second = opened("first"), opened("second")
    await first.ensure_index(IndexInfo("docs", 2, "cosine"))
    await write(first, {"a": "walrus"})
    assert await words_found(second, "walrus") == ["a"]
    await first.drop_index("docs")
    await first.ensure_index(IndexInfo("docs", 2, "cosine"))
    await write(first, {"a": "gannet"})
    assert await words_found(second, "walrus") == []
    assert await words_found(second, "gannet") == ["a"]


async def test_a_log_that_was_cut_and_a_file_that_was_lost_are_made_up_for(
    opened: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(postgres_log, "_KEPT", 5)
    monkeypatch.setattr(postgres_log, "_PRUNED_EVERY", 1)
    monkeypatch.setattr(redis_writes, "_LOG", 5)
    first, second = opened("first"), opened("second")
    await first.ensure_index(IndexInfo("docs", 2, "cosine"))
    await write(first, {"old": "walrus"})
    assert await words_found(second, "walrus") == ["old"]
    await first.delete("docs", "", Selection(ids=["old"]))
    # Redis cuts its stream by whole nodes of a hundred entries.
    for start in range(0, 300, 30):
        await write(first, {f"r{n:03d}": f"walrus number{n}" for n in range(start, start + 30)})
    for _ in range(2):
        assert await words_found(second, "number7", 1) == ["r007"]
        assert await words_found(second, "number299", 1) == ["r299"]
        assert "old" not in await words_found(second, "walrus", 400)
        (tmp_path / "second" / "docs.lexical.sqlite3").unlink()


async def test_another_database_is_not_taken_for_the_one_the_file_followed(postgres_url: str, tmp_path: Path) -> None:
    for schema, text in (("askmesh_test_a", "walrus"), ("askmesh_test_b", "gannet")):
        store = PostgresStore(postgres_url, folder=tmp_path, schema=schema)
        await store.ensure_index(IndexInfo("docs", 2, "cosine"))
        await write(store, {"a": text})
        assert await words_found(store, "walrus gannet") == ["a"]
        assert len(await words_found(store, "walrus")) == (text == "walrus")
        await store.close()
    for schema in ("askmesh_test_a", "askmesh_test_b"):
        store = PostgresStore(postgres_url, folder=tmp_path, schema=schema)
        await store.drop_index("docs")
        await store.close()


async def test_a_write_that_is_committed_after_a_later_one_is_not_passed_over(
    postgres_url: str, tmp_path: Path
) -> None:
    first, second = (PostgresStore(postgres_url, folder=tmp_path / name, schema="askmesh_test") for name in "ab")
    await first.ensure_index(IndexInfo("docs", 2, "cosine"))
    written, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(connection: AsyncConnection, table: Table) -> None:
        await postgres_writes.upsert(connection, table, "", [Record("slow", vec(1, 2), {"text": "walrus"})])
        written.set()
        await go_on.wait()

    slow = asyncio.create_task(second._write("docs", slowly))
    await written.wait()
    for turn in range(3):
        await write(first, {f"quick{turn}": "walrus"})
        assert len(await words_found(first, "walrus")) == turn + 1
    go_on.set()
    await slow
    assert await words_found(first, "walrus") == ["quick0", "quick1", "quick2", "slow"]
    await first.drop_index("docs")
    for store in (first, second):
        await store.close()
