"""Learning over HTTP: what is embedded, kept and deleted, and what a killed or failed run leaves behind.

The vector database is the real service; the embeddings API is one that counts.
"""

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from askmesh_bot.database.collections import Collections
from askmesh_bot.database.engine import Database
from askmesh_bot.knowledge.journal import Journal
from askmesh_bot.knowledge.library import Library
from askmesh_bot.knowledge.progress import SyncProgress
from askmesh_bot.knowledge.sources.registry import make_source
from askmesh_bot.knowledge.sources.spec import SourceSpec, source_id
from askmesh_bot.peers.embeddings import EmbeddingsClient
from askmesh_bot.peers.vectordb import VectordbClient
from askmesh_bot.settings import EmbeddingsPeer, LearningSettings, VectordbPeer
from askmesh_kit.errors import Conflict, NotFound, Overloaded
from sqlalchemy import event

sys.path.insert(0, str(Path(__file__).parent))

from bot_mesh import Server, serving
from fake_embeddings import FakeEmbeddings


@pytest.fixture
def encoder() -> FakeEmbeddings:
    return FakeEmbeddings(fingerprint=f"fake-{uuid.uuid4().hex}")


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(6):
        (folder / f"page{number}.md").write_text(page(number))
    return folder


def page(number: int) -> str:
    words = " ".join(f"word{number}x{index}" for index in range(40))
    return f"# Page {number}\n\nIntroduction {number}.\n\n## First\n\n{words}\n\n## Second\n\n{words} again\n"


class Bench:
    """A library on a database file, over the fake encoder and the real vector database."""

    def __init__(self, folder: Path, embeddings: str, vectordb: str, **learning: Any) -> None:
        self.spec = SourceSpec(source_id("c", "folder", str(folder)), "c", "folder", str(folder), "Docs")
        self.database = Database(f"sqlite+aiosqlite:///{folder.parent / 'bot.db'}")
        patient = {"_env_file": None, "connect_timeout_s": 60.0, "timeout_s": 60.0}
        self.embeddings = EmbeddingsClient(EmbeddingsPeer(url=embeddings, batch_size=4, **patient))
        self.vectordb = VectordbClient(VectordbPeer(url=vectordb, **patient))
        self.collections = Collections(self.database)
        self.journal = Journal(self.database)
        settings = LearningSettings(_env_file=None, **{"window_chunks": 4, "retry_s": 0.0, **learning})
        self.library = Library(self.journal, self.collections, self.embeddings, self.vectordb, settings)

    async def open(self) -> "Bench":
        await self.database.migrate()
        return self

    async def close(self) -> None:
        await self.library.close()
        await self.embeddings.close()
        await self.vectordb.close()
        await self.database.close()

    async def sync(self) -> SyncProgress:
        await self.library.add(self.spec)
        await self.library.start(self.spec.id)
        return [progress async for progress in self.library.follow(self.spec.id)][-1]

    async def records(self) -> dict[str, dict[str, Any]]:
        """Everything that is in the index, by id."""
        collection = await self.collections.get("c")
        assert collection is not None
        ids = await self.vectordb.list_ids(collection.index, collection.namespace)
        found = await self.vectordb.fetch(collection.index, collection.namespace, ids)
        return {key: dict(record.metadata) for key, record in found.items()}


Start = Callable[..., AsyncIterator[Bench]]


@pytest.fixture
def run(
    docs: Path, encoder: FakeEmbeddings, vectordb_server: Server
) -> Iterator[Callable[[Callable[[Bench], Any]], Any]]:
    """Runs a coroutine function over a bench; each call is a new process as far as the bot's memory goes."""
    with serving(encoder.app) as server:

        def go(work: Callable[[Bench], Any], **learning: Any) -> Any:
            async def whole() -> Any:
                bench = await Bench(docs, server.url, vectordb_server.url, **learning).open()
                try:
                    return await work(bench)
                finally:
                    await bench.close()

            return asyncio.run(whole())

        yield go


async def sync(bench: Bench) -> SyncProgress:
    return await bench.sync()


async def sync_and_read(bench: Bench) -> tuple[SyncProgress, dict[str, dict[str, Any]]]:
    progress = await bench.sync()
    return progress, await bench.records()


def test_everything_is_learned_with_its_metadata(run: Any, encoder: FakeEmbeddings) -> None:
    progress, records = run(sync_and_read)
    assert (progress.state, progress.documents_done, progress.documents_total) == ("done", 6, 6)
    assert progress.chunks_embedded == len(records) == len(encoder.embedded) > 6
    one = next(r for r in records.values() if r["path"] == "page0.md" and "word0x1 " in r["text"])
    assert one["header"].startswith("Docs › Page 0")
    assert one["url"] == f"/read/c/{one['source']}/page0.md#L{one['line_start']:.0f}-L{one['line_end']:.0f}"
    assert one["audience"] == ["public"]
    assert one["kind"] == "markdown"
    assert all(key.startswith(f"{one['source']}:") for key in records)


def test_a_second_run_embeds_nothing(run: Any, encoder: FakeEmbeddings) -> None:
    _, before = run(sync_and_read)
    encoder.embedded.clear()
    progress, after = run(sync_and_read)
    assert encoder.embedded == []
    assert (progress.state, progress.documents_changed, progress.documents_done) == ("done", 0, 6)
    assert after == before


def test_only_what_changed_is_embedded(run: Any, encoder: FakeEmbeddings, docs: Path) -> None:
    _, before = run(sync_and_read)
    encoder.embedded.clear()
    (docs / "page3.md").write_text(page(3).replace("again", "changed"))
    _, after = run(sync_and_read)
    assert len(encoder.embedded) == 1
    assert "changed" in encoder.embedded[0]
    assert set(after) == set(before)


def test_what_only_moved_keeps_its_vector(run: Any, encoder: FakeEmbeddings, docs: Path) -> None:
    _, before = run(sync_and_read)
    encoder.embedded.clear()
    (docs / "page2.md").write_text("\n\n\n" + page(2))
    _, after = run(sync_and_read)
    assert encoder.embedded == []
    moved = [key for key in before if before[key]["path"] == "page2.md"]
    assert all(after[key]["line_end"] == before[key]["line_end"] + 3 for key in moved)


def test_what_vanished_is_deleted(run: Any, docs: Path) -> None:
    run(sync)
    (docs / "page1.md").unlink()
    (docs / "page2.md").write_text("# Page 2\n\nShort now.\n")
    progress, after = run(sync_and_read)
    assert progress.documents_deleted == 1
    assert progress.chunks_deleted >= 2
    assert not any(record["path"] == "page1.md" for record in after.values())
    assert [record["text"] for record in after.values() if record["path"] == "page2.md"] == ["Short now."]


def test_a_failed_run_deletes_nothing_and_is_resumed(run: Any, encoder: FakeEmbeddings, docs: Path) -> None:
    _, before = run(sync_and_read)
    (docs / "page0.md").unlink()
    for number in range(3, 6):
        (docs / f"page{number}.md").write_text(page(number + 10))
    encoder.embedded.clear()
    encoder.broken_after = 4
    progress, after = run(sync_and_read)
    assert progress.state == "failed"
    assert "embeddings" in progress.error
    assert {key for key in before if before[key]["path"] == "page0.md"} <= set(after)
    encoder.broken_after = None
    progress, resumed = run(sync_and_read)
    assert progress.state == "done"
    twice = len(encoder.embedded) - len(set(encoder.embedded))
    assert twice <= 4, "more than the window that failed was embedded again"
    assert resumed == fresh(run)


def fresh(run: Any) -> dict[str, dict[str, Any]]:
    """The index that learning from nothing gives."""

    async def relearn(bench: Bench) -> dict[str, dict[str, Any]]:
        await bench.library.forget(bench.spec.id)
        assert await bench.records() == {}
        await bench.sync()
        return await bench.records()

    found: dict[str, dict[str, Any]] = run(relearn)
    return found


def test_a_killed_run_is_taken_up_and_ends_in_the_same_index(run: Any, encoder: FakeEmbeddings) -> None:
    async def kill_midway(bench: Bench) -> None:
        await bench.library.add(bench.spec)
        await bench.library.start(bench.spec.id)
        async for progress in bench.library.follow(bench.spec.id):
            if progress.documents_done >= 2:
                return  # closing the bench stops the run, as SIGTERM does

    async def resume(bench: Bench) -> dict[str, dict[str, Any]]:
        await bench.library.resume()
        assert bench.library.progress(bench.spec.id) is not None, "nothing was taken up"
        async for _ in bench.library.follow(bench.spec.id):
            pass
        return await bench.records()

    run(kill_midway)
    done_before = len(encoder.embedded)
    assert done_before > 0
    resumed = run(resume)
    assert resumed == fresh(run)


def test_a_run_killed_between_storing_and_journaling_leaves_no_orphans(run: Any, docs: Path) -> None:
    async def break_after_upsert(bench: Bench) -> None:
        async def broken(*_: Any) -> None:
            raise RuntimeError("killed here")

        bench.journal.learned = broken  # type: ignore[method-assign]
        progress = await bench.sync()
        assert progress.state == "failed"
        assert await bench.records()

    run(break_after_upsert)
    for file in docs.iterdir():
        file.unlink()
    _, after = run(sync_and_read)
    assert after == {}


def test_a_text_the_encoder_counts_more_tokens_in_is_cut_smaller(run: Any, encoder: FakeEmbeddings, docs: Path) -> None:
    (docs / "page0.md").write_text("# Dense\n\n" + "\n\n".join("a b c d e f g h i j " * 3 for _ in range(20)))
    encoder.longest = 100
    progress, records = run(sync_and_read)
    assert progress.state == "done"
    assert max(len(text.split()) for text in encoder.embedded) <= 100
    assert any(record["path"] == "page0.md" for record in records.values())


def test_a_lost_index_is_learned_again(run: Any, encoder: FakeEmbeddings) -> None:
    async def lose(bench: Bench) -> None:
        collection = await bench.collections.get("c")
        assert collection is not None
        await bench.vectordb.delete(collection.index, "c", list(await bench.records()))

    _, before = run(sync_and_read)
    run(lose)
    _, after = run(sync_and_read)
    assert after == before


def test_another_model_means_another_index(run: Any, encoder: FakeEmbeddings) -> None:
    run(sync)
    encoder.fingerprint += "-next"
    encoder.embedded.clear()
    progress, records = run(sync_and_read)
    assert progress.chunks_embedded == len(records) == len(encoder.embedded)


def test_a_source_is_synced_once_at_a_time(run: Any) -> None:
    async def twice(bench: Bench) -> tuple[str, str]:
        await bench.library.add(bench.spec)
        first, second = await asyncio.gather(bench.library.start(bench.spec.id), bench.library.start(bench.spec.id))
        async for _ in bench.library.follow(bench.spec.id):
            pass
        return first.run, second.run

    first, second = run(twice)
    assert first == second


def test_forgetting_stops_a_run_and_deletes_everything(run: Any) -> None:
    async def forget(bench: Bench) -> tuple[dict[str, dict[str, Any]], list[Any]]:
        await bench.library.add(bench.spec)
        await bench.library.start(bench.spec.id)
        async for progress in bench.library.follow(bench.spec.id):
            if progress.documents_done:
                break
        await bench.library.forget(bench.spec.id)
        return await bench.records(), await bench.journal.sources()

    assert run(forget) == ({}, [])


def test_no_run_begins_while_a_source_is_being_forgotten(run: Any) -> None:
    async def race(bench: Bench) -> tuple[set[str], dict[str, dict[str, Any]], list[Any]]:
        await bench.sync()
        forgetting = asyncio.create_task(bench.library.forget(bench.spec.id))
        refused = set()
        while not forgetting.done():
            try:
                await bench.library.start(bench.spec.id)
            except (Conflict, NotFound) as error:
                refused.add(error.code)
            await asyncio.sleep(0.001)
        assert await forgetting > 0
        async for _ in bench.library.follow(bench.spec.id):
            pass
        return refused, await bench.records(), await bench.journal.sources()

    refused, records, sources = run(race)
    assert "source_leaving" in refused
    assert (records, sources) == ({}, [])


def test_a_run_whose_source_was_read_before_it_was_forgotten_does_not_begin(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def race(bench: Bench) -> tuple[dict[str, dict[str, Any]], list[Any]]:
        await bench.sync()
        source, was_read, is_gone = bench.journal.source, asyncio.Event(), asyncio.Event()

        async def late(key: str) -> Any:
            row = await source(key)
            if not was_read.is_set():
                was_read.set()
                await is_gone.wait()
            return row

        monkeypatch.setattr(bench.journal, "source", late)
        starting = asyncio.create_task(bench.library.start(bench.spec.id))
        await was_read.wait()
        await bench.library.forget(bench.spec.id)
        is_gone.set()
        with pytest.raises(NotFound):
            await starting
        return await bench.records(), await bench.journal.sources()

    assert run(race) == ({}, [])


def test_what_is_being_learned_when_its_source_is_forgotten_does_not_stay(
    run: Any, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def race(bench: Bench) -> tuple[dict[str, dict[str, Any]], list[Any]]:
        await bench.sync()
        embed, asked, go_on = bench.embeddings.embed, asyncio.Event(), asyncio.Event()

        async def slowly(*args: Any, **kwargs: Any) -> Any:
            asked.set()
            await go_on.wait()
            return await embed(*args, **kwargs)

        monkeypatch.setattr(bench.embeddings, "embed", slowly)
        (docs / "new.md").write_text("# New\n\nWritten just now.\n")
        adapter = make_source(bench.spec)
        [document] = [one async for one in adapter.documents() if one.path == "new.md"]
        learning = asyncio.create_task(bench.library.learn_document(bench.spec, adapter, document))
        await asked.wait()
        forgetting = asyncio.create_task(bench.library.forget(bench.spec.id))
        await asyncio.sleep(0.1)
        go_on.set()
        await asyncio.gather(learning, forgetting)
        return await bench.records(), await bench.journal.sources()

    assert run(race) == ({}, [])


def test_a_run_whose_journal_is_full_still_tells_its_end(run: Any) -> None:
    async def fill(bench: Bench) -> SyncProgress:
        await bench.library.add(bench.spec)
        await bench.database.engine.dispose()
        pages = "PRAGMA max_page_count = 1"  # less than there are: SQLite takes what there is, and no page more
        event.listen(bench.database.engine.sync_engine, "connect", lambda connection, _: connection.execute(pages))
        await bench.library.start(bench.spec.id)
        async with asyncio.timeout(60):
            return [progress async for progress in bench.library.follow(bench.spec.id)][-1]

    last = run(fill)
    assert last.state == "failed"
    assert last.error == "The bot's database failed: database or disk is full"


def test_a_source_can_be_changed_where_there_is_room_for_no_other(run: Any) -> None:
    async def again(bench: Bench) -> str:
        await bench.sync()
        await bench.library.add(replace(bench.spec, title="Renamed"))
        with pytest.raises(Overloaded):
            await bench.library.add(replace(bench.spec, id="another"))
        return (await bench.library.get(bench.spec.id)).title

    assert run(again, max_sources=1) == "Renamed"


def test_a_service_that_is_away_for_a_moment_is_waited_for(run: Any, encoder: FakeEmbeddings) -> None:
    encoder.broken_after = 4

    async def mend(bench: Bench) -> SyncProgress:
        async def later() -> None:
            while len(encoder.embedded) < 4:
                await asyncio.sleep(0.02)
            # After it was refused at least once.
            while not encoder.refused:
                await asyncio.sleep(0.02)
            encoder.broken_after = None

        mending = asyncio.create_task(later())
        progress = await bench.sync()
        await mending
        return progress

    assert run(mend, retry_s=60).state == "done"
