"""What the postgres store does when the server is away, refuses, stands still, or others use it at the same time."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psycopg
import pytest
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores import open_store
from askmesh_vectordb.stores.base import (
    IndexInfo,
    IndexNotFound,
    OutcomeUnknown,
    Query,
    Record,
    Selection,
    StoreDamaged,
    StoreOverloaded,
    StoreRefused,
    StoreRefusesKey,
    StoreUnavailable,
    WrongDimension,
)
from askmesh_vectordb.stores.contract import parse, vec
from askmesh_vectordb.stores.postgres.store import PostgresStore

from .servers.cutting import Cutter
from .servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio
Open = Callable[..., PostgresStore]


@pytest.fixture
async def opened(postgres_server: PostgresServer, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens stores on one new schema."""
    stores: list[PostgresStore] = []
    schema = f"faults_{time.time_ns()}"

    def start(url: str = "", **options: object) -> PostgresStore:
        folder = tmp_path / str(len(stores))
        stores.append(PostgresStore(url or postgres_server.url(), folder=folder, **{"schema": schema} | options))  # type: ignore[arg-type]
        return stores[-1]

    yield start
    for store in stores:
        await store.close()
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


async def filled(store: PostgresStore, count: int = 3) -> PostgresStore:
    await store.ensure_index(IndexInfo("docs", 2, "cosine"))
    await store.upsert("docs", "", [Record(f"r{n}", vec(1, n), {"n": n, "text": f"word{n}"}) for n in range(count)])
    return store


async def test_a_server_that_is_not_there_is_said_at_once(opened: Open, tmp_path: Path) -> None:
    for url in (f"postgresql:///postgres?host={tmp_path}", "postgresql://127.0.0.1:1/postgres"):
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match="cannot be reached") as raised:
            await opened(url, timeout_s=600).list_indexes()
        assert time.monotonic() - began < 60
        assert "ASKMESH_VECTORDB_POSTGRES_URL" in (raised.value.fix or "")


async def test_what_the_server_refuses_is_said_without_the_password(
    opened: Open, postgres_server: PostgresServer
) -> None:
    urls = [
        postgres_server.url(password="wr0ng"),
        postgres_server.url(user="nobody"),
        postgres_server.url(database="nowhere"),
    ]
    for url in urls:
        with pytest.raises(StoreRefusesKey) as raised:
            await opened(url).list_indexes()
        assert "wr0ng" not in raised.value.message


def test_a_url_that_is_none_stops_the_start_without_showing_it() -> None:
    for url in ("", "s3cret nonsense", "postgresql://u:s3cret@[::1/db"):
        with pytest.raises(SystemExit, match="ASKMESH_VECTORDB_POSTGRES_URL") as raised:
            open_store(Settings(_env_file=None, store="postgres", postgres_url=url))
        assert "s3cret" not in str(raised.value)


async def test_without_the_extension_the_remedy_is_named(opened: Open, postgres_server: PostgresServer) -> None:
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS bare")
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 's3cret'")
        connection.execute("CREATE DATABASE bare")
    url = postgres_server.url(database="bare", user="guest")
    with pytest.raises(StoreRefused, match="extension vector") as raised:
        await opened(url).list_indexes()
    assert "CREATE EXTENSION vector" in (raised.value.fix or "")
    with psycopg.connect(postgres_server.url(database="bare"), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
    with pytest.raises(StoreRefused, match="denies"):
        await opened(url).list_indexes()


async def test_a_restart_of_the_server_is_not_noticed(opened: Open, postgres_server: PostgresServer) -> None:
    store = await filled(opened())
    await asyncio.gather(*(store.fetch("docs", "", ["r1"]) for _ in range(4)))
    postgres_server.stop()
    with pytest.raises(StoreUnavailable):
        await store.fetch("docs", "", ["r1"])
    postgres_server.start()
    await store.upsert("docs", "", [Record("new", vec(0, 1))])
    assert set(await store.fetch("docs", "", ["r1", "new"])) == {"r1", "new"}
    postgres_server.stop()
    postgres_server.start()
    # The first call after it is a write this time.
    await store.delete("docs", "", Selection(ids=["new"]))
    assert await store.count("docs") == {"": 3}


async def test_a_server_that_stands_still_is_given_up_in_time(
    opened: Open, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await filled(opened())
    with monkeypatch.context() as patched, postgres_server.paused():
        patched.setattr(store._connections, "_timeout_s", 0.7)
        calls = [
            store.fetch("docs", "", ["r1"]),
            store.upsert("docs", "", [Record("new", vec(0, 1))]),
            opened(timeout_s=0.7).list_indexes(),
        ]
        async with asyncio.timeout(15):
            failures = await asyncio.gather(*calls, return_exceptions=True)
        for failed in failures:
            assert isinstance(failed, StoreUnavailable)
            assert not isinstance(failed, OutcomeUnknown)
    assert set(await store.fetch("docs", "", ["r1", "new"])) == {"r1"}


@pytest.mark.parametrize("before", [True, False], ids=["before it arrives", "after it arrived"])
async def test_only_a_broken_commit_leaves_the_outcome_open(
    opened: Open, postgres_server: PostgresServer, before: bool, tmp_path: Path
) -> None:
    await filled(opened())
    async with Cutter(postgres_server.folder / ".s.PGSQL.5432") as cutter:
        store = opened(f"postgresql://postgres:s3cret@/postgres?host={cutter.folder}")
        assert await store.count("docs") == {"": 3}
        cutter.cut(b"INSERT INTO records")
        # Nothing was written, so the store itself tries again.
        await store.upsert("docs", "", [Record("one", vec(0, 1))])
        cutter.cut(b"COMMIT", before=before)
        with pytest.raises(OutcomeUnknown) as raised:
            await store.upsert("docs", "", [Record("two", vec(0, 1))])
        assert raised.value.outcome_unknown
        assert raised.value.retryable
        await store.upsert("docs", "", [Record("two", vec(0, 1))])
        assert await store.count("docs") == {"": 5}


async def test_more_calls_than_connections_and_places_to_wait_are_turned_away(opened: Open) -> None:
    store = await filled(opened(connections=1, queue=2))
    calls = [store.fetch("docs", "", ["r1"]) for _ in range(10)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    refused = [result for result in results if isinstance(result, StoreOverloaded)]
    assert len(refused) == 7
    assert refused[0].retry_after
    assert sum(result == {} or "r1" in result for result in results if isinstance(result, dict)) == 3


async def test_writers_on_the_same_records_do_not_block_each_other_for_good(opened: Open) -> None:
    stores = [await filled(opened()), opened()]

    async def write(writer: int) -> None:
        store = stores[writer % 2]
        names = [f"r{n}" for n in range(12)][:: 1 if writer % 3 else -1]
        for turn in range(4):
            await store.upsert("docs", "", [Record(name, vec(1, writer), {"n": turn, "w": writer}) for name in names])
            chosen = Selection(filter=parse({"n": {"$gte": 0}}))
            await store.update("docs", "", chosen, set_metadata={"seen": writer})
            await store.delete("docs", "", Selection(ids=names[:2]))

    await asyncio.gather(*(write(writer) for writer in range(6)))
    page = await stores[0].scan("docs", "", limit=50)
    assert {record.metadata["seen"] for record in page.items} <= set(range(6))
    assert len(page.items) >= 8


async def test_a_request_is_written_whole_or_not_at_all(opened: Open) -> None:
    store = await filled(opened())
    with pytest.raises(Exception, match=r"NaN"):
        await store.upsert("docs", "", [Record("a", vec(1, 0)), Record("b", vec(float("nan"), 1))])
    assert await store.fetch("docs", "", ["a"]) == {}


async def test_an_index_made_anew_by_another_process_is_found(opened: Open) -> None:
    first, second = await filled(opened()), opened()
    assert len(await second.fetch("docs", "", ["r0"])) == 1
    await first.drop_index("docs")
    with pytest.raises(IndexNotFound):
        await second.query("docs", "", Query(1, vec(1, 0)))
    await first.ensure_index(IndexInfo("docs", 3, "dotproduct"))
    await second.upsert("docs", "", [Record("x", vec(1, 2, 3))])
    with pytest.raises(WrongDimension):
        await second.upsert("docs", "", [Record("x", vec(1, 2))])
    (match,) = await first.query("docs", "", Query(5, vec(1, 1, 1)))
    assert (match.id, match.score) == ("x", 6)


async def test_several_start_at_once_on_an_empty_database(opened: Open) -> None:
    stores = [opened() for _ in range(4)]
    new = await asyncio.gather(*(store.ensure_index(IndexInfo("docs", 2, "cosine")) for store in stores))
    assert sorted(new) == [False, False, False, True]


async def test_a_schema_of_a_newer_version_is_left_alone(opened: Open, postgres_server: PostgresServer) -> None:
    store = opened()
    await store.list_indexes()
    schema = store._session._schema
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute(f"UPDATE {schema}.schema_version SET version = 99")
    with pytest.raises(StoreDamaged, match="version 99"):
        await opened().list_indexes()


async def reloaded(server: PostgresServer, fsync: str) -> None:
    """Return when new connections have that setting."""
    while True:
        with psycopg.connect(server.url()) as connection:
            if connection.execute("SHOW fsync").fetchone() == (fsync,):
                return
        await asyncio.sleep(0.01)


async def test_what_the_server_does_not_keep_is_not_promised(opened: Open, postgres_server: PostgresServer) -> None:
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        for fsync in ("off", "on"):
            connection.execute(f"ALTER SYSTEM SET fsync = {fsync}")
            connection.execute("SELECT pg_reload_conf()")
            await reloaded(postgres_server, fsync)
            store = opened()
            assert not store.capabilities.durable_writes
            await store.list_indexes()
            assert store.capabilities.durable_writes is (fsync == "on")
        connection.execute("ALTER SYSTEM RESET fsync")
        connection.execute("SELECT pg_reload_conf()")
