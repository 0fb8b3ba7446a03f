"""What the redis store does when the server is away, refuses, is full, stands still, or others use it as well."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

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
    StorageFull,
    StoreOverloaded,
    StoreRefused,
    StoreRefusesKey,
    StoreUnavailable,
)
from askmesh_vectordb.stores.contract import found, parse, vec
from askmesh_vectordb.stores.redis import store as redis_store
from askmesh_vectordb.stores.redis.store import RedisStore
from redis import Redis

from .servers import broken, redis
from .servers.cutting import Cutter

pytestmark = pytest.mark.anyio
Open = Callable[..., RedisStore]


@pytest.fixture
async def opened(redis_server: redis.RedisServer, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens stores under one new prefix."""
    stores: list[RedisStore] = []
    prefix = f"faults-{time.time_ns()}"

    def start(url: str = "", **options: Any) -> RedisStore:
        folder = tmp_path / str(len(stores))
        stores.append(RedisStore(url or redis_server.url(), folder=folder, **{"prefix": prefix} | options))
        return stores[-1]

    yield start
    for store in stores:
        await store.close()


@pytest.fixture
def admin(redis_server: redis.RedisServer) -> Redis:
    return Redis.from_url(redis_server.url())


async def filled(store: RedisStore, count: int = 3) -> RedisStore:
    await store.ensure_index(IndexInfo("docs", 2, "cosine"))
    await store.upsert("docs", "", [Record(f"r{n}", vec(1, n), {"n": n}) for n in range(count)])
    return store


async def test_a_server_that_is_not_there_is_said_at_once(opened: Open, tmp_path: Path) -> None:
    for url in (f"unix://{tmp_path}/nothing.sock", "redis://127.0.0.1:1/0"):
        with pytest.raises(StoreUnavailable, match="cannot be reached") as raised:
            await opened(url).list_indexes()
        assert "ASKMESH_VECTORDB_REDIS_URL" in (raised.value.fix or "")


async def test_what_the_server_refuses_is_said_without_the_password(
    opened: Open, redis_server: redis.RedisServer, admin: Redis
) -> None:
    admin.acl_setuser("guest", enabled=True, passwords=["+s3cret"], keys=["*"], commands=["+@read", "-config"])
    guest = redis_server.url().replace("//:", "//guest:")
    with pytest.raises(StoreRefusesKey) as raised:
        await opened(redis_server.url(password="wr0ng")).list_indexes()
    assert "wr0ng" not in raised.value.message
    store = opened(guest)
    assert await store.list_indexes() == []
    with pytest.raises(StoreRefusesKey):
        await store.ensure_index(IndexInfo("docs", 2, "cosine"))


def test_a_url_that_is_none_stops_the_start_without_showing_it() -> None:
    for url in ("", "s3cret nonsense", "http://:s3cret@host"):
        with pytest.raises(SystemExit, match="ASKMESH_VECTORDB_REDIS_URL") as raised:
            open_store(Settings(_env_file=None, store="redis", redis_url=url))
        assert "s3cret" not in str(raised.value)


async def test_a_redis_without_vector_sets_is_told_by_its_remedy(opened: Open) -> None:
    with broken.old_redis() as url:
        store = opened(url)
        with pytest.raises(StoreRefused, match="vector sets") as raised:
            await store.ensure_index(IndexInfo("docs", 2, "cosine"))
        assert "Redis 8" in (raised.value.fix or "")
        await store.close()


async def test_a_killed_server_comes_back_with_all_that_was_acknowledged(tmp_path: Path) -> None:
    with redis.running() as server:
        store = await filled(RedisStore(server.url(), folder=tmp_path, exact_limit=0))
        assert store.capabilities.durable_writes
        server.stop()
        for call in (store.count("docs"), store.upsert("docs", "", [Record("new", vec(0, 1))])):
            with pytest.raises(StoreUnavailable) as raised:
                await call
            assert not raised.value.outcome_unknown
        server.start()
        server.stop()
        server.start()
        # On connections of before the restart.
        assert await found(store, vec(1, 2)) == ["r2", "r1", "r0"]
        await store.upsert("docs", "", [Record("new", vec(0, 1))])
        await store.close()


async def test_a_server_that_stands_still_is_given_up_in_time(
    opened: Open, redis_server: redis.RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await filled(opened())
    with monkeypatch.context() as patched, redis_server.paused():
        patched.setattr(store._server, "_timeout_s", 0.5)
        async with asyncio.timeout(15):
            read, write = await asyncio.gather(
                store.fetch("docs", "", ["r1"]),
                store.delete("docs", "", Selection(ids=["r1"])),
                return_exceptions=True,
            )
        assert isinstance(read, StoreUnavailable)
        assert isinstance(write, StoreUnavailable)
    assert await store.count("docs") in ({"": 2}, {"": 3})


@pytest.mark.parametrize("before", [True, False], ids=["before it arrives", "after it arrived"])
async def test_a_broken_write_leaves_the_outcome_open_and_can_be_repeated(
    opened: Open, redis_server: redis.RedisServer, before: bool
) -> None:
    await filled(opened())
    async with Cutter(redis_server.folder / "redis.sock") as cutter:
        store = opened(f"unix://:s3cret@{cutter.folder}/redis.sock", exact_limit=0)
        assert await store.count("docs") == {"": 3}
        cutter.cut(b"mark", before=before)
        record = Record("new", vec(0, 1), {"mark": "mark"})
        with pytest.raises(OutcomeUnknown):
            await store.upsert("docs", "", [record])
        await store.upsert("docs", "", [record])
        assert await found(store, vec(0, 1), 1) == ["new"]
        assert await store.count("docs") == {"": 4}


async def test_what_a_writer_that_died_left_behind_is_found_and_taken_in(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_store, "_LEFT_BEHIND_S", 1000.0)
    store = await filled(opened(exact_limit=0))
    other = opened(exact_limit=0)

    async def die(*_: object) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(other._writes, "link", die)
    for change in (
        other.upsert("docs", "", [Record("new", vec(0, 1), {"n": 9}), Record("r2", vec(-1, 0), {"n": 8})]),
        other.delete("docs", "", Selection(ids=["r1"])),
    ):
        with pytest.raises(asyncio.CancelledError):
            await change
    index = await store._catalog.find("docs")

    async def pending() -> int:
        return int(await store._server.ask("HLEN", index.space("").pending))

    assert await pending() == 3
    assert await found(store, vec(0, 1)) == ["new", "r0", "r2"]
    assert await found(store, vec(0, 1), filter=parse({"n": {"$gte": 8}})) == ["new", "r2"]
    monkeypatch.setattr(redis_store, "_LEFT_BEHIND_S", 0.0)
    for _ in range(2):
        assert await found(store, vec(0, 1)) == ["new", "r0", "r2"]
    assert await pending() == 0
    assert await found(store, vec(0, 1)) == ["new", "r0", "r2"]


async def test_a_write_stands_where_the_vector_set_cannot_follow(
    opened: Open, redis_server: redis.RedisServer, admin: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin.acl_setuser("half", enabled=True, passwords=["+s3cret"], keys=["*"], commands=["+@all", "-vadd"])
    store = await filled(opened(redis_server.url().replace("//:", "//half:"), exact_limit=0))
    assert await found(store, vec(1, 2)) == ["r2", "r1", "r0"]
    monkeypatch.setattr(redis_store, "_LEFT_BEHIND_S", 0.0)
    for _ in range(3):
        assert await found(store, vec(1, 2)) == ["r2", "r1", "r0"]
    whole = opened(exact_limit=0)
    for _ in range(3):
        assert await found(whole, vec(1, 2)) == ["r2", "r1", "r0"]
    index = await whole._catalog.find("docs")
    assert await whole._server.ask("VCARD", index.space("").vectors) == 3


async def test_a_full_server_says_so_and_writes_nothing(opened: Open, admin: Redis) -> None:
    store = await filled(opened())
    admin.config_set("maxmemory", "1mb")
    try:
        with pytest.raises(StorageFull):
            await store.upsert("docs", "", [Record("a", vec(1, 0)), Record("b", vec(1, 0))])
        assert await store.count("docs") == {"": 3}
    finally:
        admin.config_set("maxmemory", "0")


@pytest.mark.parametrize(
    ("changes", "durable"),
    [
        ({"appendfsync": "always"}, True),
        ({"appendfsync": "everysec"}, False),
        ({"appendfsync": "always", "appendonly": "no"}, False),
        ({"appendfsync": "always", "maxmemory": "1gb", "maxmemory-policy": "allkeys-lru"}, False),
    ],
)
async def test_only_what_waits_for_the_disk_is_promised(
    opened: Open, admin: Redis, changes: dict[str, str], durable: bool
) -> None:
    kept = {name: admin.config_get(name)[name] for name in changes}
    try:
        for name, value in changes.items():
            admin.config_set(name, value)
        store = opened()
        assert not store.capabilities.durable_writes
        await store.ensure_index(IndexInfo("docs", 2, "cosine"))
        assert store.capabilities.durable_writes is durable
    finally:
        for name, value in kept.items():
            admin.config_set(name, value)


async def test_more_calls_than_connections_and_places_to_wait_are_turned_away(opened: Open) -> None:
    store = await filled(opened(connections=1, queue=2))
    results = await asyncio.gather(*(store.describe_index("docs") for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(result, StoreOverloaded) for result in results) == 7
    assert sum(isinstance(result, IndexInfo) for result in results) == 3


async def test_changes_of_the_same_records_are_not_lost(opened: Open) -> None:
    stores = [await filled(opened()), opened()]

    async def change(writer: int) -> None:
        for turn in range(3):
            changes = {f"w{writer}": turn}
            await stores[writer % 2].update(
                "docs", "", Selection(filter=parse({"n": {"$gte": 0}})), set_metadata=changes
            )

    await asyncio.gather(*(change(writer) for writer in range(4)))
    for record in (await stores[0].fetch("docs", "", ["r0", "r1", "r2"])).values():
        assert {record.metadata[f"w{writer}"] for writer in range(4)} == {2}


async def test_an_index_dropped_by_another_process_takes_no_more_writes(opened: Open, admin: Redis) -> None:
    first, second = await filled(opened()), opened()
    index = await second._catalog.find("docs")
    await first.drop_index("docs")
    with pytest.raises(IndexNotFound):
        await second.query("docs", "", Query(1, vec(1, 0)))
    await first.ensure_index(IndexInfo("docs", 3, "cosine"))
    assert await second.count("docs") == {}
    assert list(admin.scan_iter(f"*{index.uid}*")) == []
