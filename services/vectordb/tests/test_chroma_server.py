"""The chroma store where its server restarts, refuses, hangs, or holds what is not ours."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx2
import numpy as np
import pytest
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import (
    IndexInfo,
    OutcomeUnknown,
    Query,
    Record,
    Selection,
    Store,
    StoreRefused,
    StoreRefusesKey,
    StoreUnavailable,
)
from askmesh_vectordb.stores.chroma.store import open_store
from askmesh_vectordb.stores.contract import parse, vec
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from .conftest import serving, serving_app
from .servers import broken, chroma

pytestmark = pytest.mark.anyio


def settings_of(url: str, folder: Path, **changes: object) -> Settings:
    return Settings(_env_file=None, store="chroma", chroma_url=url, data_path=folder, **changes)


@pytest.fixture
async def store(chroma_url: str, tmp_path: Path) -> AsyncIterator[Store]:
    store = open_store(settings_of(chroma_url, tmp_path))
    await store.ensure_index(IndexInfo("docs", 2, "cosine"))
    yield store
    for info in await store.list_indexes():
        await store.drop_index(info.name)
    await store.close()


async def test_a_kill_and_a_restart_lose_nothing_that_was_acknowledged(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    with chroma.running(tmp_path / "data", free_port()) as server:
        store = open_store(settings_of(server.url, tmp_path))
        await store.ensure_index(IndexInfo("docs", 2, "cosine", {"fingerprint": "m1"}))
        await store.upsert("docs", "ns", [Record(f"r{n}", vec(1, n), {"n": n}) for n in range(50)])
        server.stop()
        with pytest.raises(StoreUnavailable, match="cannot be reached") as failed:
            await store.query("docs", "ns", Query(1, vec(1, 0)))
        assert "ASKMESH_VECTORDB_CHROMA_URL" in failed.value.message
        with pytest.raises(StoreUnavailable):
            await store.upsert("docs", "ns", [Record("late", vec(1, 1))])
        server.start()
        assert await store.count("docs") == {"ns": 50}
        assert [match.id for match in await store.query("docs", "ns", Query(2, vec(1, 0)))] == ["r0", "r1"]
        assert dict((await store.describe_index("docs")).tags) == {"fingerprint": "m1"}
        await store.close()


async def test_a_server_that_is_not_there_silent_or_hangs_up_is_an_error_in_time(tmp_path: Path) -> None:
    with broken.silent() as silent, broken.cutting() as cutting:
        for url, patience_s, writing in (
            (broken.NOBODY, 60, StoreUnavailable),
            (silent, 0.3, OutcomeUnknown),
            (cutting, 60, OutcomeUnknown),
        ):
            store = open_store(settings_of(url, tmp_path, chroma_timeout_s=patience_s))
            with pytest.raises(StoreUnavailable) as failed:
                await store.check()
            assert failed.value.retryable
            with pytest.raises(StoreUnavailable) as failed:
                await store.ensure_index(IndexInfo("docs", 2, "cosine"))
            assert type(failed.value) is writing
            await store.close()


@pytest.fixture
def refusing() -> Iterator[tuple[str, FastAPI]]:
    """Answers everything with `app.state.status` and `app.state.body`, to those who send the right token."""
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "DELETE"])
    async def answer(path: str, request: Request) -> JSONResponse:
        if request.headers.get("x-chroma-token") != "right":
            return JSONResponse({"error": "AuthError", "message": "Forbidden"}, 403)
        return JSONResponse(app.state.body, app.state.status)

    with serving_app(app) as url:
        yield url, app


async def test_what_the_server_refuses_is_told_apart(refusing: tuple[str, FastAPI], tmp_path: Path) -> None:
    url, app = refusing
    wrong = open_store(settings_of(url, tmp_path, chroma_token="wrong"))
    with pytest.raises(StoreRefusesKey) as refused:
        await wrong.check()
    assert "ASKMESH_VECTORDB_CHROMA_TOKEN" in refused.value.message
    store = open_store(settings_of(url, tmp_path, chroma_token="right"))
    wanted = IndexInfo("docs", 2, "cosine")
    for status, said, code in (
        (404, "Tenant [x] not found", "store_refused"),
        (422, "unknown field", "store_refused"),
        (429, "slow down", "overloaded"),
        (500, "database or disk is full", "storage_full"),
        (500, "internal", "outcome_unknown"),
    ):
        app.state.status, app.state.body = status, {"error": "ChromaError", "message": said}
        with pytest.raises(Exception, match="Chroma") as failed:
            await store.ensure_index(wanted)
        assert getattr(failed.value, "code", "") == code
    await wrong.close()
    await store.close()


async def test_what_is_not_chroma_is_said_to_be_none(make_settings: Callable[..., Settings], tmp_path: Path) -> None:
    with serving(make_settings()) as url:
        store = open_store(settings_of(url, tmp_path))
        with pytest.raises(StoreRefused):
            await store.check()
        await store.close()


async def test_collections_of_others_are_left_alone(store: Store, chroma_url: str) -> None:
    base = f"{chroma_url}/api/v2/tenants/default_tenant/databases/default_database/collections"
    with httpx2.Client(timeout=60) as http:
        for name in ("theirs", "askmesh.docs.other", "askmesh.odd"):
            assert http.post(base, json={"name": name}).is_success
        assert [info.name for info in await store.list_indexes()] == ["docs"]
        assert await store.count("docs") == {}
        await store.drop_index("docs")
        for name in ("theirs", "askmesh.docs.other", "askmesh.odd"):
            assert http.delete(f"{base}/{name}").is_success


async def test_an_index_that_another_process_made_anew_is_not_taken_for_the_old_one(
    store: Store, chroma_url: str, tmp_path: Path
) -> None:
    other = open_store(settings_of(chroma_url, tmp_path / "other"))
    await store.upsert("docs", "", [Record("a", vec(1, 0), {"text": "walrus"})])
    await other.drop_index("docs")
    with pytest.raises(Exception, match="no index named 'docs'"):
        await store.query("docs", "", Query(1, vec(1, 0)))
    await other.ensure_index(IndexInfo("docs", 3, "dotproduct"))
    await store.upsert("docs", "", [Record("b", vec(2, 0, 0), {"text": "heron"})])
    assert await store.count("docs") == {"": 1}
    (match,) = await store.query("docs", "", Query(5, vec(1, 0, 0)))
    assert (match.id, match.score) == ("b", pytest.approx(2))
    await other.close()


async def test_ranges_do_not_see_numbers_that_a_record_no_longer_has(store: Store) -> None:
    await store.upsert("docs", "", [Record("a", vec(1, 0), {"n": 5})])
    await store.upsert("docs", "", [Record("a", vec(1, 0), {"kind": "text"}), Record("b", vec(0, 1), {"n": 6})])
    chosen = parse({"n": {"$gt": 1}})
    assert [match.id for match in await store.query("docs", "", Query(5, vec(1, 0), filter=chosen))] == ["b"]
    assert await store.count("docs", chosen) == {"": 1}
    await store.delete("docs", "", Selection(filter=chosen))
    assert await store.count("docs") == {"": 1}


async def test_many_records_and_filters_with_many_values(store: Store) -> None:
    # One request takes 5,461 records.
    many = 5500 if os.environ.get("ASKMESH_LONG_TESTS") else 700
    values = np.random.default_rng(2).normal(size=(many, 2)).astype(np.float32)
    await store.upsert("docs", "", [Record(f"r{n:04d}", values[n], {"n": n}) for n in range(many)])
    assert await store.count("docs") == {"": many}
    chosen = parse({"n": {"$in": list(range(0, 640, 2))}})
    matches = await store.query("docs", "", Query(320, vec(1, 0), filter=chosen))
    assert {match.id for match in matches} == {f"r{n:04d}" for n in range(0, 640, 2)}
    # As many alternatives as SQLite, behind Chroma, refuses to look at.
    either = parse({"$or": [{"n": n} for n in range(1200)]})
    assert await store.count("docs", either) == {"": min(many, 1200)}
    page = await store.scan("docs", "", limit=1000, prefix="r05")
    assert [record.id for record in page.items] == [f"r{n:04d}" for n in range(500, 600)]
    await store.delete("docs", "", Selection(everything=True))
    assert await store.count("docs") == {"": 0}


async def test_the_service_searches_over_it(chroma_url: str, make_settings: Callable[..., Settings]) -> None:
    with (
        serving(make_settings(store="chroma", chroma_url=chroma_url)) as base,
        httpx2.Client(base_url=base, timeout=60) as http,
    ):
        assert http.post("/indexes", json={"name": "docs", "dimension": 2}).status_code == 201
        vectors = [
            {"id": "a", "values": [1, 0], "metadata": {"text": "walrus", "n": 1}},
            {"id": "b", "values": [0, 1], "metadata": {"text": "heron", "n": 2}},
        ]
        assert http.post("/indexes/docs/vectors/upsert", json={"vectors": vectors}).json() == {"upsertedCount": 2}
        body = {"text": "herons", "vector": [1, 0.1], "filter": {"n": {"$gte": 1}}}
        matches = http.post("/indexes/docs/search", json=body).json()["matches"]
        assert {match["id"]: match["ranks"] for match in matches} == {
            "a": {"dense": 1, "lexical": None},
            "b": {"dense": 2, "lexical": 1},
        }
        told = http.get("/indexes/docs/capabilities").json()
        assert (told["store"], told["durable_writes"], told["lexical"]) == ("chroma", True, "companion")
        # One that comes too late for the check says so; the next does not.
        assert any(http.get("/readyz").status_code == 200 for _ in range(5))
        assert http.delete("/indexes/docs").status_code == 202
