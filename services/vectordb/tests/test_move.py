"""A live move between stores: nothing lost, nothing stale, no failed request, and it survives being killed."""

import asyncio
import json
import os
import random
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from askmesh_vectordb.app import create_app
from askmesh_vectordb.moving.backfill import Passes
from askmesh_vectordb.moving.dual import MovableStore
from askmesh_vectordb.moving.gate import Gate
from askmesh_vectordb.moving.journal import Journal, Routing
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import IndexInfo, StoreUnavailable
from askmesh_vectordb.stores.local.store import LocalStore
from askmesh_vectordb.stores.pinecone.connections import Connections
from pydantic import SecretStr

from .conftest import serving
from .killable import killable
from .moved import command, fill, held, in_folder, record
from .traffic import Traffic

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]


class Client:
    """The moves' routes of one service."""

    def __init__(self, url: str, **headers: str) -> None:
        self.url = url
        self.http = httpx2.AsyncClient(base_url=url, headers=headers, timeout=100)

    async def begin(self, to: str, **more: Any) -> str:
        answer = await self.http.post("/moves", json={"to": to, **more})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def act(self, move: str, action: str, status: int = 200) -> dict[str, Any]:
        answer = await self.http.post(f"/moves/{move}/{action}")
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    async def until(self, move: str, phase: str, seconds: float = 100) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while True:
            told = dict((await self.http.get(f"/moves/{move}")).json())
            if told["phase"] == phase:
                return told
            assert time.monotonic() < end, told
            await asyncio.sleep(0.05)


@asynccontextmanager
async def client(url: str, **headers: str) -> AsyncIterator[Client]:
    made = Client(url, **headers)
    async with made.http:
        yield made


def targets(**folders: Path) -> str:
    return json.dumps({name: f"local:{folder}" for name, folder in folders.items()})


@pytest.fixture
def filled(make_settings: Callable[..., Settings], tmp_path: Path) -> Settings:
    """Settings of a service with records, and another local store to move to."""
    settings = make_settings(move_targets=targets(new=tmp_path / "new"), move_page_size=50)
    in_folder(settings.data_path, lambda store: fill(store, {"": 300, "eu": 30, "empty": 0, "traffic": 0}))
    return settings


@pytest.fixture
def to_postgres(filled: Settings, postgres_url: str) -> Settings:
    """The same, with a real PostgreSQL to move to."""
    schema = f"moved_{secrets.token_hex(4)}"
    return filled.model_copy(update={"postgres_url": SecretStr(postgres_url), "postgres_schema": schema})


async def test_to_postgres_and_back_under_traffic_nothing_is_lost_or_stale_and_no_request_fails(
    to_postgres: Settings,
) -> None:
    filled = to_postgres
    with serving(filled) as url:
        async with client(url) as moves, Traffic(url) as traffic:
            move = await moves.begin("postgres")
            ready = await moves.until(move, "ready")
            assert (ready["repaired"], ready["error"]) == (0, None)
            # Writes may come between the two stores' answers.
            assert ready["overlap"] >= 0.9
            assert (await moves.act(move, "cut-over"))["phase"] == "reversed"
            await traffic.more()
            body = {"text": "word 77", "topK": 1}
            found = (await moves.http.post("/indexes/docs/search", json=body)).json()["matches"]
            assert [match["id"] for match in found] == ["r00077"]
            assert (await moves.act(move, "finish"))["phase"] == "finished"
            await traffic.more()
            back = await moves.begin("local", replace=True)
            assert (await moves.until(back, "ready"))["repaired"] == 0
            await moves.act(back, "cut-over")
            await traffic.more()
            await moves.act(back, "finish")
            await traffic.more()
    assert not traffic.failures, traffic.failures[:5]
    assert traffic.writes > 20
    assert traffic.reads > 20
    found = held(filled.data_path)
    assert {name: metadata["n"] for name, (_, metadata) in found["docs", "traffic"].items()} == await traffic.expected()
    assert len(found["docs", ""]) == 300
    assert ("docs", "empty") in found


async def test_both_stores_stay_equal_until_the_end_and_rolling_back_loses_nothing(
    filled: Settings, tmp_path: Path
) -> None:
    with serving(filled) as url:
        async with client(url) as moves:
            async with Traffic(url) as traffic:
                move = await moves.begin("new")
                await moves.until(move, "ready")
                await moves.act(move, "cut-over")
                await traffic.more()
            await _settled(moves, move)
            assert held(filled.data_path) == held(tmp_path / "new")
            assert (await moves.act(move, "roll-back"))["phase"] == "rolled_back"
            await moves.act(move, "finish", 409)
    assert not traffic.failures, traffic.failures[:5]
    kept = held(filled.data_path)["docs", "traffic"]
    assert {name: metadata["n"] for name, (_, metadata) in kept.items()} == await traffic.expected()


async def _settled(moves: Client, move: str) -> None:
    await _once(moves, move, lambda told: not told["pending"])


async def _once(moves: Client, move: str, holds: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    until = time.monotonic() + 100
    while True:
        told = dict((await moves.http.get(f"/moves/{move}")).json())
        if holds(told):
            return told
        assert time.monotonic() < until, told
        await asyncio.sleep(0.05)


LONG = bool(os.environ.get("ASKMESH_LONG_TESTS"))


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("target", "kills"),
    [
        ("new", 3),
        pytest.param("new", 20, marks=pytest.mark.skipif(not LONG, reason="long: make test-long")),
        pytest.param("postgres", 20, marks=pytest.mark.skipif(not LONG, reason="long: make test-long")),
    ],
)
async def test_killed_at_random_points_it_resumes_and_ends_equal(
    filled: Settings, tmp_path: Path, target: str, kills: int, request: pytest.FixtureRequest
) -> None:
    environment = {
        "ASKMESH_VECTORDB_DATA_PATH": str(filled.data_path),
        "ASKMESH_VECTORDB_MOVE_TARGETS": filled.move_targets.get_secret_value(),
        "ASKMESH_VECTORDB_MOVE_PAGE_SIZE": "10",
    }
    if target == "postgres":
        chosen: Settings = request.getfixturevalue("to_postgres")
        environment["ASKMESH_VECTORDB_POSTGRES_URL"] = chosen.postgres_url.get_secret_value()
        environment["ASKMESH_VECTORDB_POSTGRES_SCHEMA"] = chosen.postgres_schema
    with killable(environment) as service:
        async with (
            client(service.url) as moves,
            Traffic(service.url, patient=True, per_second=20 if LONG else 10) as traffic,
        ):
            phases: set[str] = set()
            over = asyncio.Event()
            driving = asyncio.create_task(_drive(moves, target, phases, over))
            chance = random.Random(kills)
            for _ in range(kills):
                await asyncio.sleep(chance.uniform(0.1, 0.9))
                service.kill()
                service.start()
            over.set()
            # The last way back is left open at the end, when both stores must be equal.
            move = await driving
        async with client(service.url) as moves:
            await _settled(moves, move)
            known = (await moves.http.get("/moves")).json()["moves"]
            assert [each["repaired"] for each in known] == [0] * len(known)
    assert not traffic.failures, traffic.failures[:5]
    assert {"ready", "reversed"} <= phases
    assert phases & {"dual", "backfill", "verify"}
    found = held(filled.data_path)
    assert {name: metadata["n"] for name, (_, metadata) in found["docs", "traffic"].items()} == await traffic.expected()
    assert len(found["docs", ""]) == 300
    if target == "new":
        assert held(tmp_path / "new") == found


async def _drive(moves: Client, target: str, phases: set[str], over: asyncio.Event) -> str:
    """There and back, until the way back is cut over and no more kills come; every step is tried again, for the service
    may just be dead."""
    while True:
        try:
            known = (await moves.http.get("/moves")).json()["moves"]
            last = known[-1] if known else None
            phases |= {last["phase"]} if last else set()
            if last is None or last["phase"] == "finished":
                to = "local" if last and last["to"] == target else target
                begun = await moves.http.post("/moves", json={"to": to, "replace": last is not None})
                phases |= {begun.json()["phase"]} if begun.is_success else set()
            elif last["phase"] == "ready":
                await moves.http.post(f"/moves/{last['id']}/cut-over")
            elif last["phase"] == "reversed":
                if last["to"] == "local" and over.is_set():
                    return str(last["id"])
                await moves.http.post(f"/moves/{last['id']}/finish")
        except httpx2.HTTPError:
            pass
        await asyncio.sleep(0.03)


async def test_writes_of_every_kind_reach_the_second_store(filled: Settings, tmp_path: Path) -> None:
    """Indexes and namespaces that come and go, deletes by filter and of everything, at each side in turn."""
    with serving(filled) as url:
        async with client(url) as moves:
            move = await moves.begin("new")
            await moves.until(move, "ready")
            await _change_everything(moves.http, "one")
            await _settled(moves, move)
            assert await _all_of(filled.data_path) == await _all_of(tmp_path / "new")
            await moves.act(move, "cut-over")
            await _change_everything(moves.http, "two")
            await _settled(moves, move)
            found = await _all_of(filled.data_path)
            assert found == await _all_of(tmp_path / "new")
    infos, records = found
    assert [(info.name, info.dimension) for info in infos] == [("again", 3), ("docs", 8), ("one", 2), ("two", 2)]
    assert ("docs", "eu") not in records
    assert ("docs", "made-two") in records
    assert all(metadata["n"] % 2 for _, metadata in records["docs", ""].values())


async def _change_everything(http: httpx2.AsyncClient, name: str) -> None:
    async def send(path: str, body: dict[str, Any], method: str = "POST") -> None:
        answer = await http.request(method, f"/indexes{path}", json=body)
        assert answer.status_code < 300, answer.text

    await send("", {"name": name, "dimension": 2, "metric": "cosine"})
    await send(f"/{name}/vectors/upsert", {"vectors": [{"id": "a", "values": [1, 2]}]})
    for dimension in (2, 3):
        await send("", {"name": "again", "dimension": dimension, "metric": "euclidean", "tags": {"made": name}})
        vectors = [{"id": f"{name}-{dimension}", "values": [1.0] * dimension}]
        await send("/again/vectors/upsert", {"vectors": vectors})
        if dimension == 2 or name == "one":
            await send("/again", {}, "DELETE")
    await send("/docs", {"tags": {"seen": name}, "deletion_protection": "enabled"}, "PATCH")
    even = {"n": {"$in": list(range(0, 300, 2))}}
    await send("/docs/vectors/delete", {"filter": even})
    await send("/docs/vectors/update", {"filter": {"n": {"$lt": 100}}, "setMetadata": {"small": name}})
    await send("/docs/vectors/delete", {"deleteAll": True, "namespace": "eu"})
    await send("/docs/namespaces", {"name": f"made-{name}"})
    if name == "two":
        await send("/docs/namespaces/made-one", {}, "DELETE")


async def _all_of(folder: Path) -> Any:
    infos = await asyncio.to_thread(in_folder, folder, lambda store: store.list_indexes())
    return infos, await asyncio.to_thread(held, folder)


@pytest.fixture
def may_fill(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """While it is not set, no store is filled: the move does all else, and answers."""
    may_fill, fill = threading.Event(), Passes.fill
    may_fill.set()

    async def fill_when_it_may(self: Passes) -> None:
        while not may_fill.is_set():
            await self._save(self._progress)
            await asyncio.sleep(0.01)
        await fill(self)

    monkeypatch.setattr(Passes, "fill", fill_when_it_may)
    return may_fill


async def test_past_its_limit_the_log_is_given_up_and_the_store_filled_anew(
    filled: Settings, tmp_path: Path, may_fill: threading.Event
) -> None:
    with serving(filled.model_copy(update={"move_log_limit": 20})) as url:
        async with client(url) as moves:
            move = await moves.begin("new")
            await moves.until(move, "ready")
            async with Traffic(url, per_second=10) as traffic:
                may_fill.clear()
                vectors = [{"id": f"big{n}", "values": [1.0] * 8} for n in range(21)]
                await moves.http.post("/indexes/docs/vectors/upsert", json={"vectors": vectors})
                await moves.http.post("/indexes/docs/vectors/delete", json={"ids": ["r00003"]})
                first = await moves.http.post(f"/moves/{move}/cut-over")
                assert first.json()["code"] == "move_not_settled"
                may_fill.set()
                await moves.until(move, "ready")
                await moves.act(move, "cut-over")
            await _settled(moves, move)
            assert held(filled.data_path) == held(tmp_path / "new")
            # Behind the other way round: it cannot be rolled back until it has caught up.
            may_fill.clear()
            await moves.http.post("/indexes/docs/vectors/upsert", json={"vectors": vectors})
            await moves.act(move, "roll-back", 409)
            may_fill.set()
            await moves.until(move, "reversed")
            await moves.act(move, "roll-back")
    assert not traffic.failures, traffic.failures[:5]
    assert held(filled.data_path) == held(tmp_path / "new")


class Clock:
    """`time.time`, but that it can be stopped."""

    def __init__(self) -> None:
        self.stopped_at: float | None = None

    def time(self) -> float:
        return self.stopped_at or time.time()


async def test_a_second_store_that_is_down_holds_up_no_write_and_catches_up(
    filled: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journals_clock = Clock()
    monkeypatch.setattr("askmesh_vectordb.moving.journal.time", journals_clock)
    patience_s = 60.0
    monkeypatch.setattr(Connections, "time_left", lambda _: patience_s)
    with killable({"ASKMESH_VECTORDB_DATA_PATH": str(tmp_path / "remote")}) as remote:
        changes = {
            "move_targets": SecretStr(json.dumps({"remote": remote.url})),
            "pinecone_lag_s": 0.3,
        }
        with serving(filled.model_copy(update=changes)) as url:
            async with client(url) as moves:
                async with Traffic(url, per_second=8) as traffic:
                    move = await moves.begin("remote")
                    await moves.until(move, "ready")
                    patience_s = 0.2
                    remote.kill()
                    told = await _once(moves, move, lambda told: told["error"] and told["pending"])
                    assert "Pinecone cannot be reached" in told["error"]
                    remote.start()
                    patience_s = 60.0
                    await _once(moves, move, lambda told: not told["error"])
                    await moves.until(move, "ready")
                await _settled(moves, move)
                await moves.act(move, "cut-over")
                assert held(tmp_path / "remote") == held(filled.data_path)
                # What lags is read again when the lag is over; only then can it be left.
                journals_clock.stopped_at = time.time()
                await moves.http.post("/indexes/docs/vectors/delete", json={"ids": ["r00003"]})
                await moves.act(move, "roll-back", 409)
                journals_clock.stopped_at = None
                await _settled(moves, move)
                await moves.act(move, "roll-back")
    assert "r00003" not in held(filled.data_path)["docs", ""]
    assert not traffic.failures, traffic.failures[:5]


async def test_all_workers_of_a_service_see_the_move(filled: Settings, tmp_path: Path) -> None:
    with serving(filled) as one, serving(filled) as two:
        async with client(one) as moves, Traffic(one, also=two) as traffic:
            move = await moves.begin("new")
            await moves.until(move, "ready")
            async with client(two) as others:
                await others.act(move, "cut-over")
                await traffic.more()
                await moves.act(move, "finish")
            await traffic.more()
    assert not traffic.failures, traffic.failures[:5]
    kept = held(tmp_path / "new")["docs", "traffic"]
    assert {name: metadata["n"] for name, (_, metadata) in kept.items()} == await traffic.expected()


async def test_where_the_records_are_outlives_a_restart(
    filled: Settings, tmp_path: Path, make_settings: Callable[..., Settings]
) -> None:
    with serving(filled) as url:
        async with client(url) as moves:
            move = await moves.begin("new")
            await moves.until(move, "ready")
            await moves.act(move, "cut-over")
    # A service that is set to a third store would leave the two behind, half-way.
    with pytest.raises(SystemExit, match="is under way"):
        create_app(filled.model_copy(update={"store": "qdrant", "qdrant_url": ":memory:"}))
    with pytest.raises(SystemExit, match="unknown store"):
        create_app(filled.model_copy(update={"move_targets": SecretStr("")}))
    with serving(filled) as url:
        async with client(url) as moves:
            assert (await moves.http.get(f"/moves/{move}")).json()["phase"] == "reversed"
            await moves.act(move, "finish")
            body = {"vectors": [{"id": "late", "values": [1.0] * 8}]}
            assert (await moves.http.post("/indexes/docs/vectors/upsert", json=body)).status_code == 200
    with serving(filled) as url:
        async with client(url) as moves:
            answer = await moves.http.get("/indexes/docs/vectors/fetch?ids=late")
            assert "late" in answer.json()["vectors"]
    assert "late" in held(tmp_path / "new")["docs", ""]
    assert "late" not in held(filled.data_path)["docs", ""]


async def test_export_and_import_use_the_store_that_counts(
    filled: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASKMESH_VECTORDB_DATA_PATH", str(filled.data_path))
    monkeypatch.setenv("ASKMESH_VECTORDB_MOVE_TARGETS", filled.move_targets.get_secret_value())
    with serving(filled) as url:
        async with client(url) as moves:
            move = await moves.begin("new")
            await moves.until(move, "ready")
            await moves.act(move, "cut-over")
            await moves.act(move, "finish")
            body = {"vectors": [{"id": "late", "values": [1.0] * 8}]}
            assert (await moves.http.post("/indexes/docs/vectors/upsert", json=body)).status_code == 200
            assert await asyncio.to_thread(command, "export", "out.parquet", "--index", "docs") == 0
            assert "331 records" in capfd.readouterr().out
            await moves.http.post("/indexes/docs/vectors/delete", json={"ids": ["late"]})
            assert await asyncio.to_thread(command, "import", "out.parquet", "--merge") == 0
            assert "late" in (await moves.http.get("/indexes/docs/vectors/fetch?ids=late")).json()["vectors"]
            await moves.begin("local", replace=True)
            assert await asyncio.to_thread(command, "import", "out.parquet", "--merge") == 2
            assert "is under way" in capfd.readouterr().err


async def test_what_cannot_be_moved_to_is_refused_before_anything_is_written(filled: Settings, tmp_path: Path) -> None:
    for name, changes in {"full": {}, "other": {"fingerprint": "model-2"}, "stranger": {"index": "mine"}}.items():
        counts = {"": 0 if name == "other" else 2}
        await asyncio.to_thread(in_folder, tmp_path / name, lambda store, c=counts, m=changes: fill(store, c, **m))
    folders = {name: tmp_path / name for name in ("full", "other", "stranger")}
    changed = {"move_targets": SecretStr(targets(**folders)), "qdrant_url": "http://127.0.0.1:9", "qdrant_timeout_s": 1}
    before = {name: held(folder) for name, folder in folders.items()}
    with serving(filled.model_copy(update=changed)) as url:
        async with client(url) as moves:
            for to, status, code in (
                ("nowhere", 409, "unknown_store"),
                ("local", 409, "move_refused"),
                ("full", 409, "move_refused"),
                ("other", 409, "index_mismatch"),
                ("stranger", 409, "move_refused"),
                ("postgres", 409, "move_refused"),
                ("qdrant", 503, "store_unavailable"),
                ("", 400, "invalid_request"),
            ):
                answer = await moves.http.post("/moves", json={"to": to})
                assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
            assert (await moves.http.get("/moves")).json() == {"moves": []}
            assert (await moves.http.get("/moves/none")).status_code == 404
            move = await moves.begin("full", replace=True)
            second = await moves.http.post("/moves", json={"to": "other"})
            assert (second.status_code, second.json()["code"]) == (409, "move_in_progress")
            await moves.act(move, "finish", 409)
            await moves.until(move, "ready")
            assert (await moves.act(move, "roll-back"))["phase"] == "rolled_back"
            await moves.act(move, "cut-over", 409)
    assert held(folders["full"]) == held(filled.data_path)
    assert {name: held(folders[name]) for name in ("other", "stranger")} == {
        name: before[name] for name in ("other", "stranger")
    }


async def test_only_an_unbound_admin_may_move(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(
        api_keys="writer=write,bound=admin,boss=admin", key_bindings='{"bound": {"namespace": "mine"}}'
    )
    with serving(settings) as url:
        for key, status in (("writer", 403), ("bound", 403), ("boss", 200)):
            async with client(url, Authorization=f"Bearer {key}") as moves:
                assert (await moves.http.get("/moves")).status_code == status
        async with client(url) as moves:
            assert (await moves.http.post("/moves", json={"to": "new"})).status_code == 401


async def test_the_command_moves_all_the_way(
    filled: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(filled) as url:
        service = ["--service", url]
        assert await asyncio.to_thread(command, "move", "status", *service) == 2
        assert await asyncio.to_thread(command, "move", "begin", "--to", "nowhere", *service) == 2
        assert "There is no store named 'nowhere'" in capfd.readouterr().err
        assert await asyncio.to_thread(command, "move", "begin", "--to", "new", *service) == 0
        assert "local -> new, ready, 330 of 330 records copied, 0 changes pending" in capfd.readouterr().out
        assert await asyncio.to_thread(command, "move", "cut-over", *service) == 0
        assert await asyncio.to_thread(command, "move", "roll-back", *service) == 0
        assert await asyncio.to_thread(command, "move", "all", "--to", "new", "--replace", *service) == 0
        assert "finished" in capfd.readouterr().out
    assert held(filled.data_path) == held(tmp_path / "new")
    assert await asyncio.to_thread(command, "move", "status", "--service", "http://127.0.0.1:9") == 2
    assert "does not answer" in capfd.readouterr().err


async def test_a_write_counts_as_under_way_until_it_is_over_even_if_its_caller_is_gone(tmp_path: Path) -> None:
    slow = SlowStore(tmp_path)
    journal = Journal(tmp_path / "moves", limit=10)
    gate = Gate(tmp_path / "moves", journal, Routing("local", "local"))
    other = Gate(tmp_path / "moves", journal, Routing("local", "local"))
    await slow.ensure_index(IndexInfo("docs", 8, "cosine"))
    store = MovableStore(_Only(slow), journal, gate, lambda: None)  # type: ignore[arg-type]
    write = asyncio.create_task(store.upsert("docs", "", [record("a", 1)]))
    await slow.begun.wait()
    write.cancel()
    with pytest.raises(asyncio.CancelledError):
        await write
    with pytest.raises(StoreUnavailable):
        async with other.closed(0, 0.05):
            pass
    slow.gate.set()
    async with other.closed(0, 60.0):
        assert "a" in await slow.fetch("docs", "", ["a"])
    await store.close()
    await slow.close()
    await journal.close()
    gate.close()


class SlowStore(LocalStore):
    """Ends an upsert when it is told to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.begun, self.gate = asyncio.Event(), asyncio.Event()

    async def upsert(self, index: str, namespace: str, records: Any) -> None:
        self.begun.set()
        await self.gate.wait()
        await super().upsert(index, namespace, records)


class _Only:
    """One store under every name."""

    def __init__(self, store: LocalStore) -> None:
        self._store = store

    def named(self, _: str) -> LocalStore:
        return self._store
