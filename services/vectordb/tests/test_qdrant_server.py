"""The qdrant store over HTTP: on Qdrant's own engine, on the server that is named, and where something is wrong."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import (
    IndexInfo,
    OutcomeUnknown,
    Query,
    Record,
    Selection,
    StorageFull,
    Store,
    StoreOverloaded,
    StoreRefused,
    StoreRefusesKey,
    StoreUnavailable,
)
from askmesh_vectordb.stores.contract import StoreContract, parse, vec
from askmesh_vectordb.stores.qdrant.store import open_store

from .conftest import serving
from .servers import broken, qdrant

pytestmark = pytest.mark.anyio
KEY_OVER_HTTP = pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
GIVEN = os.environ.get("ASKMESH_TEST_QDRANT_URL")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, qdrant.QdrantApp]]:
    with qdrant.running(tmp_path_factory.mktemp("qdrant")) as running:
        yield running


@pytest.fixture
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    url = GIVEN or request.getfixturevalue("server")[0]
    store = open_store(settings_of(url, tmp_path, qdrant_api_key=os.environ.get("ASKMESH_TEST_QDRANT_API_KEY", "")))
    yield store
    for info in await store.list_indexes():
        await store.configure_index(info.name, deletion_protection=False)
        await store.drop_index(info.name)
    await store.close()


def settings_of(url: str, folder: Path, **changes: object) -> Settings:
    prefix = f"askmesh-test-{uuid4().hex}."
    return Settings(_env_file=None, store="qdrant", qdrant_url=url, qdrant_prefix=prefix, data_path=folder, **changes)


if GIVEN or os.environ.get("ASKMESH_LONG_TESTS"):

    class TestQdrantServer(StoreContract):
        """All of the contract."""

else:
    CHECKS = [
        "test_namespaces_are_made_and_dropped",
        "test_every_filter_selects_what_the_reference_evaluator_selects",
        "test_equal_scores_are_ordered_by_id",
        "test_records_come_back_as_they_went_in",
        "test_update_by_filter_counts_and_a_dry_run_only_counts",
    ]

    @pytest.mark.parametrize("check", CHECKS)
    async def test_the_contract_where_engines_differ(store: Store, check: str) -> None:
        await getattr(StoreContract(), check)(store)


async def test_strict_mode_gets_no_ranges_and_filters_are_exact_all_the_same(
    server: tuple[str, qdrant.QdrantApp], tmp_path: Path
) -> None:
    url, app = server
    app.strict = True
    try:
        store = open_store(settings_of(url, tmp_path))
        await StoreContract().test_every_filter_selects_what_the_reference_evaluator_selects(store)
        chosen = parse({"n": {"$gt": 1}})
        await store.delete("docs", "", Selection(filter=chosen))
        assert await store.count("docs", chosen) == {"": 0}
        assert await store.count("docs") == {"": 9}
        await store.drop_index("docs")
        await store.close()
    finally:
        app.strict = False


async def test_the_service_searches_over_it(
    server: tuple[str, qdrant.QdrantApp], make_settings: Callable[..., Settings]
) -> None:
    settings = make_settings(store="qdrant", qdrant_url=server[0], qdrant_prefix="served.")
    with serving(settings) as base, httpx2.Client(base_url=base, timeout=60) as http:
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
        assert (told["store"], told["durable_writes"], told["lexical"]) == ("qdrant", False, "companion")
        # One that comes too late for the check says so; the next does not.
        assert any(http.get("/readyz").status_code == 200 for _ in range(5))


async def test_collections_of_others_are_left_alone(server: tuple[str, qdrant.QdrantApp], tmp_path: Path) -> None:
    ours, theirs = (open_store(settings_of(server[0], tmp_path / name)) for name in ("ours", "theirs"))
    await ours.ensure_index(IndexInfo("docs", 2, "cosine"))
    assert await theirs.list_indexes() == []
    assert await theirs.ensure_index(IndexInfo("docs", 3, "cosine"))
    await ours.drop_index("docs")
    assert [info.dimension for info in await theirs.list_indexes()] == [3]
    await theirs.drop_index("docs")
    await ours.close()
    await theirs.close()


@KEY_OVER_HTTP
async def test_a_key_that_is_refused_says_where_to_set_it(server: tuple[str, qdrant.QdrantApp], tmp_path: Path) -> None:
    url, app = server
    app.key = "right"
    try:
        wrong, right = (open_store(settings_of(url, tmp_path, qdrant_api_key=key)) for key in ("wrong", "right"))
        with pytest.raises(StoreRefusesKey, match="refuses the key") as refused:
            await wrong.check()
        assert "ASKMESH_VECTORDB_QDRANT_API_KEY" in refused.value.message
        assert await right.check() is None
        await wrong.close()
        await right.close()
    finally:
        app.key = ""


REFUSALS = [
    (500, "Service internal error: task panicked", StoreUnavailable, OutcomeUnknown),
    (503, "Temporarily unavailable", StoreUnavailable, OutcomeUnknown),
    (429, "Too many requests", StoreOverloaded, StoreOverloaded),
    (500, "No space left on device", StorageFull, StorageFull),
    (400, "Bad request: Index required but not found", StoreRefused, StoreRefused),
]


async def test_what_the_server_refuses_is_told_apart(server: tuple[str, qdrant.QdrantApp], tmp_path: Path) -> None:
    url, app = server
    store = open_store(settings_of(url, tmp_path))
    await store.ensure_index(IndexInfo("docs", 2, "cosine"))
    await store.upsert("docs", "", [Record("a", vec(1, 0), {"text": "walrus"})])
    for status, said, reading, writing in REFUSALS:
        app.faults = [(status, said)]
        with pytest.raises(reading) as failed:
            await store.query("docs", "", Query(1, vec(1, 0)))
        assert type(failed.value) is reading
        app.faults = [(status, said)]
        with pytest.raises(writing) as failed:
            await store.upsert("docs", "", [Record("b", vec(0, 1), {"text": "walrus"})])
        assert type(failed.value) is writing
        # Nothing is left of it: neither the namespace's turn nor a word that no record has.
        assert [match.id for match in await store.search_text("docs", "", "walrus", top_k=5)] == ["a"]
    await store.drop_index("docs")
    await store.close()


async def test_a_server_that_is_not_there_silent_or_hangs_up_is_an_error_in_time(tmp_path: Path) -> None:
    wanted = IndexInfo("docs", 2, "cosine")
    with broken.silent() as silent, broken.cutting() as cutting:
        for url, patience_s, writing in (
            (broken.NOBODY, 60, StoreUnavailable),
            (silent, 0.3, OutcomeUnknown),
            (cutting, 60, OutcomeUnknown),
        ):
            store = open_store(settings_of(url, tmp_path, qdrant_timeout_s=patience_s))
            with pytest.raises(StoreUnavailable) as failed:
                await store.check()
            assert failed.value.retryable
            assert "ASKMESH_VECTORDB_QDRANT_URL" in failed.value.message
            with pytest.raises(StoreUnavailable) as failed:
                await store.ensure_index(wanted)
            assert type(failed.value) is writing
            await store.close()


async def test_an_index_that_another_process_made_anew_is_not_taken_for_the_old_one(
    server: tuple[str, qdrant.QdrantApp], tmp_path: Path
) -> None:
    settings = settings_of(server[0], tmp_path / "one")
    one, other = open_store(settings), open_store(settings.model_copy(update={"data_path": tmp_path / "other"}))
    await one.ensure_index(IndexInfo("docs", 2, "cosine"))
    await one.upsert("docs", "", [Record("a", vec(1, 0), {"text": "walrus"})])
    await other.drop_index("docs")
    with pytest.raises(Exception, match="no index named 'docs'"):
        await one.query("docs", "", Query(1, vec(1, 0)))
    await other.ensure_index(IndexInfo("docs", 3, "cosine"))
    await one.upsert("docs", "", [Record("b", vec(1, 0, 0), {"text": "heron"})])
    assert await one.count("docs") == {"": 1}
    assert [match.id for match in await one.search_text("docs", "", "walrus heron", top_k=5)] == ["b"]
    await one.delete("docs", "", Selection(filter=parse({"text": {"$ne": "walrus"}})))
    assert await other.count("docs") == {}
    await other.drop_index("docs")
    await one.close()
    await other.close()
