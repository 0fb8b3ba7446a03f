"""The Pinecone store and its companion index when the service behind lags, refuses, breaks off, or is too generous."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
from askmesh_vectordb import filters
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import (
    IndexInfo,
    OutcomeUnknown,
    Query,
    Record,
    Selection,
    StoreError,
    StoreOverloaded,
    StoreUnavailable,
)
from askmesh_vectordb.stores.pinecone.store import PineconeStore, open_store

from .faulty import Fault, FaultyPinecone, faulty_pinecone
from .servers.broken import NOBODY

pytestmark = pytest.mark.anyio
ATTEMPTS = 4
"""The SDK's own, on the data plane; it takes no other number."""
VECTOR = np.array([1, 2], dtype=np.float32)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, FaultyPinecone]]:
    folder = tmp_path_factory.mktemp("pinecone")
    settings = Settings(_env_file=None, data_path=folder, log_level="error", max_result_bytes=20_000)
    with faulty_pinecone(settings) as running:
        yield running


@pytest.fixture
def behind(service: tuple[str, FaultyPinecone]) -> Iterator[FaultyPinecone]:
    _, app = service
    app.faults.clear()
    app.lagging = False
    yield app
    assert not app.faults


def opened(url: str, folder: Path, lag_s: float = 60.0) -> PineconeStore:
    return open_store(
        Settings(
            _env_file=None,
            store="pinecone",
            pinecone_host=url,
            pinecone_api_key="any",
            data_path=folder,
            pinecone_lag_s=lag_s,
        )
    )


@pytest.fixture
async def store(
    service: tuple[str, FaultyPinecone], behind: FaultyPinecone, tmp_path: Path
) -> AsyncIterator[PineconeStore]:
    store = opened(service[0], tmp_path)
    await store.ensure_index(IndexInfo("docs", 2, "cosine"))
    yield store
    behind.lagging = False
    await store.drop_index("docs")
    await store.close()


def told(name: str, text: str) -> Record:
    return Record(name, VECTOR, {"text": text})


def spelled(n: int) -> str:
    return "q" + "".join("abcdefghij"[int(digit)] for digit in str(n))


async def words(store: PineconeStore, text: str) -> list[str]:
    return [match.id for match in await store.search_text("docs", "", text, top_k=10)]


async def test_a_write_that_is_not_yet_visible_is_found_by_its_words_when_it_is(
    store: PineconeStore, behind: FaultyPinecone
) -> None:
    behind.lagging = True
    await store.upsert("docs", "", [told("a", "walrus")])
    # Searched for while the store does not show it: not answered, and not forgotten either.
    assert await words(store, "walrus") == []
    behind.lagging = False
    assert await words(store, "walrus") == ["a"]


async def test_a_change_of_text_that_is_not_yet_visible_is_not_lost(
    store: PineconeStore, behind: FaultyPinecone
) -> None:
    await store.upsert("docs", "", [told("a", "walrus")])
    assert await words(store, "walrus") == ["a"]
    behind.lagging = True
    await store.update("docs", "", Selection(ids=["a"]), set_metadata={"text": "heron"})
    assert await words(store, "heron") == ["a"]
    behind.lagging = False
    assert await words(store, "heron") == ["a"]
    assert await words(store, "walrus") == []


async def test_a_delete_that_is_not_yet_visible_is_not_found(store: PineconeStore, behind: FaultyPinecone) -> None:
    await store.upsert("docs", "", [told("a", "walrus"), told("b", "walrus")])
    behind.lagging = True
    await store.delete("docs", "", Selection(ids=["a"]))
    assert await words(store, "walrus") == ["b"]


async def test_a_rebuilt_companion_finds_what_the_first_scan_did_not_show(
    service: tuple[str, FaultyPinecone], store: PineconeStore, behind: FaultyPinecone, tmp_path: Path
) -> None:
    behind.lagging = True
    await store.upsert("docs", "", [told("a", "walrus")])
    other = opened(service[0], tmp_path / "other", lag_s=0.3)
    assert await words(other, "walrus") == []
    behind.lagging = False
    await asyncio.sleep(0.3)
    assert await words(other, "walrus") == ["a"]
    await other.close()


async def test_one_refusal_for_rate_is_waited_out(store: PineconeStore, behind: FaultyPinecone) -> None:
    behind.faults.append(Fault("/upsert", 429, {"Retry-After": "0"}))
    await store.upsert("docs", "", [told("a", "walrus")])
    assert list(await store.fetch("docs", "", ["a"])) == ["a"]


async def test_lasting_refusal_for_rate_is_overloaded_with_the_wait_that_was_asked_for(
    store: PineconeStore, behind: FaultyPinecone
) -> None:
    await store.count("docs")
    behind.requests.clear()
    behind.faults.extend(Fault("/query", 429, {"Retry-After": "1"}) for _ in range(ATTEMPTS))
    with pytest.raises(StoreOverloaded) as caught:
        await store.query("docs", "", Query(1, VECTOR))
    assert caught.value.retry_after == 1
    # The SDK's attempts and no more: retries are not stacked.
    assert len(behind.requests) == ATTEMPTS


@pytest.mark.parametrize("status", [503])
async def test_a_failing_service_is_unavailable_and_a_write_of_unknown_outcome(
    store: PineconeStore, behind: FaultyPinecone, status: int
) -> None:
    behind.faults.extend(Fault("/query", status) for _ in range(ATTEMPTS))
    with pytest.raises(StoreUnavailable) as caught:
        await store.query("docs", "", Query(1, VECTOR))
    assert not caught.value.outcome_unknown
    behind.faults.clear()
    behind.faults.extend(Fault("/upsert", status) for _ in range(ATTEMPTS))
    with pytest.raises(OutcomeUnknown):
        await store.upsert("docs", "", [told("a", "walrus")])
    behind.faults.clear()
    assert await words(store, "walrus") == []
    await store.upsert("docs", "", [told("a", "walrus")])
    assert await words(store, "walrus") == ["a"]


async def test_a_connection_reset_once_is_made_good(store: PineconeStore, behind: FaultyPinecone) -> None:
    behind.faults.append(Fault("/upsert", cut="after"))
    await store.upsert("docs", "", [told("a", "walrus")])
    assert await store.count("docs") == {"": 1}


@pytest.mark.parametrize(("cut", "there"), [("before", []), ("after", ["a"])])
async def test_a_connection_that_keeps_breaking_leaves_the_outcome_open_and_the_words_right(
    store: PineconeStore, behind: FaultyPinecone, cut: str, there: list[str]
) -> None:
    await store.upsert("docs", "", [told("old", "heron")])
    behind.faults.extend(Fault("/upsert", cut=cut) for _ in range(ATTEMPTS))
    with pytest.raises(OutcomeUnknown):
        await store.upsert("docs", "", [told("a", "walrus")])
    behind.faults.clear()
    assert await words(store, "walrus") == there
    assert sorted(await store.fetch("docs", "", ["a"])) == there


async def test_a_service_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    store = opened(NOBODY, tmp_path)
    with pytest.raises(StoreUnavailable) as caught:
        await store.describe_index("docs")
    assert caught.value.retryable
    await store.close()


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_is_told_as_ours(store: PineconeStore, behind: FaultyPinecone, status: int) -> None:
    behind.faults.append(Fault("/describe_index_stats", status))
    with pytest.raises(StoreError) as caught:
        await store.count("docs")
    assert (caught.value.status, caught.value.code) == (502, "store_refuses_key")


async def test_results_too_large_for_one_answer_come_in_parts(store: PineconeStore) -> None:
    records = [Record(f"r{n:02d}", VECTOR * (n + 1), {"text": "walrus " * 400, "n": n}) for n in range(40)]
    await store.upsert("docs", "", records)
    names = [record.id for record in records]
    assert list(await store.fetch("docs", "", names)) == names
    assert [record.id for record in (await store.scan("docs", "", limit=40)).items] == names
    matches = await store.query("docs", "", Query(40, VECTOR))
    assert [match.id for match in matches] == names
    assert all(match.metadata and match.metadata["n"] == n for n, match in enumerate(matches))
    await store.delete("docs", "", Selection(filter=filters.parse({"n": {"$gte": 5}})))
    assert await store.count("docs") == {"": 5}
    assert await words(store, "walrus") == names[:5]


async def test_a_write_cut_off_by_a_crash_is_caught_up(
    service: tuple[str, FaultyPinecone], store: PineconeStore, tmp_path: Path
) -> None:
    await store.upsert("docs", "", [told("a", "walrus"), told("b", "walrus")])
    assert await words(store, "walrus") == ["a", "b"]
    # As a process leaves it that died after the store took the write, before its words were taken in.
    companion = store._companions.of("docs")
    await companion.expect("", ["a", "b", "c"])
    direct = opened(service[0], tmp_path / "direct")
    await direct.upsert("docs", "", [told("a", "heron"), told("c", "heron")])
    await direct.delete("docs", "", Selection(ids=["b"]))
    await direct.close()
    fresh = opened(service[0], tmp_path)
    assert await words(fresh, "heron") == ["a", "c"]
    assert await words(fresh, "walrus") == []
    await fresh.close()


@pytest.mark.parametrize("harm", ["lost", "garbage", "torn"])
@pytest.mark.parametrize("running", [True, False])
async def test_a_lost_or_damaged_companion_is_rebuilt_by_a_scan(
    service: tuple[str, FaultyPinecone], store: PineconeStore, tmp_path: Path, harm: str, running: bool
) -> None:
    await store.upsert("docs", "", [told(f"r{n}", f"walrus {spelled(n)} " * 50) for n in range(120)])
    assert await words(store, spelled(7)) == ["r7"]
    companion = store._companions.of("docs")
    if not running:
        await companion.close()
        store._companions._open.clear()
    (path,) = tmp_path.glob("docs.lexical.sqlite3")
    if harm == "lost":
        path.unlink()
    else:
        if running:
            # What is still in the write-ahead log would hide the harm.
            await companion._run(lambda connection: None)
            companion._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()  # type: ignore[union-attr]
            companion._let_go(remove=False)
        kept = path.read_bytes()
        path.write_bytes(b"garbage" * 3000 if harm == "garbage" else kept[: len(kept) // 3 // 4096 * 4096])
    assert await words(store, spelled(7)) == ["r7"]
    await store.upsert("docs", "", [told("new", "heron")])
    assert await words(store, "heron") == ["new"]
    assert len(await store.search_text("docs", "", "walrus", top_k=200)) == 120


async def test_overlapping_writes_of_one_record_are_settled_by_what_the_store_has(
    service: tuple[str, FaultyPinecone], tmp_path: Path, behind: FaultyPinecone
) -> None:
    store = opened(service[0], tmp_path, lag_s=0.2)
    await store.ensure_index(IndexInfo("docs", 2, "cosine"))
    names = ["heron", "walrus", "otter", "badger"]
    await asyncio.gather(*(store.upsert("docs", "", [told("a", name)]) for name in names))
    await asyncio.sleep(0.25)
    (kept,) = (await store.fetch("docs", "", ["a"])).values()
    await words(store, "anything")
    for name in names:
        assert await words(store, name) == (["a"] if name == kept.metadata["text"] else [])
    await store.drop_index("docs")
    await store.close()
