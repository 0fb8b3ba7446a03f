"""A live move between stores: nothing lost, nothing stale, no failed request, and it survives being killed."""

import asyncio
import json
import os
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from askmesh_vectordb.settings import Settings
from pydantic import SecretStr

from .conftest import serving
from .killable import killable
from .moved import fill, held, in_folder
from .traffic import Traffic

pytestmark = pytest.mark.anyio


class Client:
    """The moves' routes of one service."""

    def __init__(self, url: str, **headers: str) -> None:
        self.url = url
        self.http = httpx2.AsyncClient(base_url=url, headers=headers, timeout=40)

    async def begin(self, to: str, **more: Any) -> str:
        answer = await self.http.post("/moves", json={"to": to, **more})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def act(self, move: str, action: str, status: int = 200) -> dict[str, Any]:
        answer = await self.http.post(f"/moves/{move}/{action}")
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    async def until(self, move: str, phase: str, seconds: float = 40) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while True:
            told = dict((await self.http.get(f"/moves/{move}")).json())
            if told["phase"] == phase:
                return told
            assert time.monotonic() < end, told
            await asyncio.sleep(0.02)


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
    in_folder(settings.data_path, lambda store: fill(store, {"": 400, "eu": 30, "empty": 0, "traffic": 0}))
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
            assert (ready["repaired"], ready["overlap"], ready["error"]) == (0, 1.0, None)
            assert (await moves.act(move, "cut-over"))["phase"] == "reversed"
            await asyncio.sleep(0.5)
            assert (await moves.act(move, "finish"))["phase"] == "finished"
            await asyncio.sleep(0.3)
            back = await moves.begin("local", replace=True)
            assert (await moves.until(back, "ready"))["repaired"] == 0
            await moves.act(back, "cut-over")
            await asyncio.sleep(0.3)
            await moves.act(back, "finish")
            await asyncio.sleep(0.3)
    assert not traffic.failures, traffic.failures[:5]
    assert traffic.writes > 20
    assert traffic.reads > 20
    found = held(filled.data_path)
    assert {name: metadata["n"] for name, (_, metadata) in found["docs", "traffic"].items()} == await traffic.expected()
    assert len(found["docs", ""]) == 400
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
                await asyncio.sleep(0.4)
            await _settled(moves, move)
            assert held(filled.data_path) == held(tmp_path / "new")
            assert (await moves.act(move, "roll-back"))["phase"] == "rolled_back"
            await moves.act(move, "finish", 409)
    assert not traffic.failures, traffic.failures[:5]
    kept = held(filled.data_path)["docs", "traffic"]
    assert {name: metadata["n"] for name, (_, metadata) in kept.items()} == await traffic.expected()


async def _settled(moves: Client, move: str) -> None:
    while (await moves.http.get(f"/moves/{move}")).json()["pending"]:
        await asyncio.sleep(0.02)


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
        async with client(service.url) as moves, Traffic(service.url, patient=True) as traffic:
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
    assert {"backfill", "ready", "reversed"} <= phases
    found = held(filled.data_path)
    assert {name: metadata["n"] for name, (_, metadata) in found["docs", "traffic"].items()} == await traffic.expected()
    assert len(found["docs", ""]) == 400
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
                await moves.http.post("/moves", json={"to": to, "replace": last is not None})
            elif last["phase"] == "ready":
                await moves.http.post(f"/moves/{last['id']}/cut-over")
            elif last["phase"] == "reversed":
                if last["to"] == "local" and over.is_set():
                    return str(last["id"])
                await moves.http.post(f"/moves/{last['id']}/finish")
        except httpx2.HTTPError:
            pass
        await asyncio.sleep(0.03)
