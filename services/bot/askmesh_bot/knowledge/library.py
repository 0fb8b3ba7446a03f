"""Everything that was learned, and the runs that keep it current. Routes and frontends talk to this."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from contextvars import Context
from dataclasses import dataclass, field, replace
from weakref import WeakValueDictionary

from askmesh_kit import context
from askmesh_kit.errors import Conflict, InvalidRequest, NotFound, Overloaded, ServiceError
from askmesh_kit.logs import get_logger
from sqlalchemy.exc import SQLAlchemyError

from askmesh_bot.database.collections import Collections
from askmesh_bot.database.models import SourceRow, now
from askmesh_bot.knowledge.base import Document, Source, SourceUnavailable
from askmesh_bot.knowledge.journal import Journal, spec_of
from askmesh_bot.knowledge.progress import SyncProgress
from askmesh_bot.knowledge.sources.registry import make_source
from askmesh_bot.knowledge.sources.spec import InvalidSource, SourceSpec
from askmesh_bot.knowledge.sync import Sync
from askmesh_bot.knowledge.writing import RecordWriter
from askmesh_bot.peers.embeddings import EmbeddingsClient
from askmesh_bot.peers.vectordb import VectordbClient
from askmesh_bot.settings import LearningSettings

log = get_logger("askmesh.learning")

# How long a service may be away while one document is learned.
_ONE_RETRY_S = 10.0


@dataclass
class _Run:
    progress: SyncProgress
    task: asyncio.Task[None] | None = None
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def tell(self, progress: SyncProgress) -> None:
        async with self.news:
            self.progress = progress
            self.news.notify_all()


class Library:
    """Adds, syncs and forgets sources. At most one run per source, `concurrent_syncs` at a time in all."""

    def __init__(
        self,
        journal: Journal,
        collections: Collections,
        embeddings: EmbeddingsClient,
        vectordb: VectordbClient,
        settings: LearningSettings,
    ) -> None:
        self.journal = journal
        self._collections, self._embeddings, self._vectordb = collections, embeddings, vectordb
        self._settings = settings
        self._running: dict[str, _Run] = {}
        self._leaving: set[str] = set()
        self._forgotten = 0
        self._learning: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._slots = asyncio.Semaphore(settings.concurrent_syncs)

    async def add(self, spec: SourceSpec) -> SourceRow:
        """Keep a source. Raises InvalidRequest for one that can't be learned from."""
        self._make(spec)
        others = [row for row, *_ in await self.journal.sources(spec.collection) if row.id != spec.id]
        if len(others) >= self._settings.max_sources:
            raise Overloaded(
                f"The collection {spec.collection} has {self._settings.max_sources} sources already.",
                fix="Forget one, or raise ASKMESH_LEARNING_MAX_SOURCES.",
            )
        self._refuse_leaving(spec.id)
        return await self.journal.save_source(spec)

    async def get(self, source: str) -> SourceRow:
        """Raises NotFound."""
        if row := await self.journal.source(source):
            return row
        raise unknown_source(source)

    async def _get_present(self, source: str) -> SourceRow:
        """Like `get`, and no source has gone since the answer was read. Raises NotFound and Conflict."""
        while True:
            forgotten = self._forgotten
            row = await self.get(source)
            self._refuse_leaving(source)
            if forgotten == self._forgotten:
                return row

    async def start(self, source: str) -> SyncProgress:
        """Begin to sync a source, or join the run that is under way. Returns the run's first progress."""
        if run := self._running.get(source):
            return run.progress
        spec = spec_of(await self._get_present(source))
        adapter = self._make(spec)
        if run := self._running.get(source):  # begun while the database was asked
            return run.progress
        run = _Run(SyncProgress(run=f"run-{secrets.token_hex(8)}", source=source))
        self._running[source] = run
        sync = Sync(
            spec,
            adapter,
            run.progress,
            journal=self.journal,
            embeddings=self._embeddings,
            vectordb=self._vectordb,
            settings=self._settings,
        )
        # A context of its own: a run must not inherit the deadline of the request that began it.
        run.task = asyncio.create_task(self._drive(spec, sync, run), context=Context())
        return run.progress

    async def follow(self, source: str) -> AsyncIterator[SyncProgress]:
        """Progress of a run under way, ending with its last; slow readers miss intermediate states, not the end."""
        run = self._running.get(source)
        if run is None:
            return
        seen: SyncProgress | None = None
        while seen is None or seen.state == "running":
            async with run.news:
                if run.progress is seen:
                    await run.news.wait()
                seen = run.progress
            yield seen

    def progress(self, source: str) -> SyncProgress | None:
        """How far the run of a source is, if there is one."""
        run = self._running.get(source)
        return run.progress if run else None

    async def forget(self, source: str, *, taken_back: bool = True) -> int:
        """Stop learning a source and delete everything that was learned from it. Returns the number of records.
        `taken_back`: stored answers forget the words of its threads, too."""
        spec = spec_of(await self.get(source))
        self._refuse_leaving(source)
        # A run that began while records are being deleted would leave some that nobody knows of any more.
        self._leaving.add(source)
        try:
            async with self._alone(source):
                return await self._forget(spec, taken_back=taken_back)
        finally:
            self._leaving.discard(source)
            self._forgotten += 1

    async def _forget(self, spec: SourceSpec, *, taken_back: bool) -> int:
        if (run := self._running.get(spec.id)) and run.task:
            run.task.cancel()
            await asyncio.wait([run.task])
        deleted = 0
        writer = await self._writer(spec)
        for document in await self.journal.fingerprints(spec):
            deleted += await writer.forget(document, "" if taken_back else None) if writer else 0
        await self.journal.remove_source(spec)
        log.info("source_forgotten", source=spec.id, records=deleted)
        return deleted

    def _alone(self, source: str) -> asyncio.Lock:
        """Held while one document is learned, and while all are forgotten."""
        return self._learning.setdefault(source, asyncio.Lock())

    def _refuse_leaving(self, source: str) -> None:
        if source in self._leaving:
            raise Conflict(f"{source} is being forgotten.", fix="Try again when it is gone.", code="source_leaving")

    async def forget_document(self, source: str, document: str, still: str = "") -> int:
        """Delete one document's records until the next sync finds it again. `still`: its text, if it was not taken back,
        so that stored answers keep what they hold of it. Raises NotFound."""
        spec = spec_of(await self.get(source))
        if document not in await self.journal.fingerprints(spec):
            raise NotFound(f"{source} holds no document {document}.", code="document_not_found")
        writer = await self._writer(spec)
        return await writer.forget(document, still) if writer else 0

    async def learn_document(self, spec: SourceSpec, source: Source, document: Document) -> None:
        """Learn one document as it is now, of a source that tells of its documents one by one; nothing is deleted on
        account of others. Raises PeerUnavailable, PeerError, Overloaded and Conflict; may be repeated."""
        self._refuse_leaving(spec.id)
        async with self._alone(spec.id):
            await self._learn_document(spec, source, document)

    async def _learn_document(self, spec: SourceSpec, source: Source, document: Document) -> None:
        known = await self.journal.source(spec.id)
        if known is None or spec_of(known) != spec:
            await self.add(spec)
        sync = Sync(
            spec,
            source,
            SyncProgress(run="", source=spec.id),
            journal=self.journal,
            embeddings=self._embeddings,
            vectordb=self._vectordb,
            # Whoever calls tries again, and may have others to tell of meanwhile.
            settings=self._settings.model_copy(update={"retry_s": min(_ONE_RETRY_S, self._settings.retry_s)}),
        )
        if await sync.learn_one(document):
            await self.journal.set_status(spec, "ready", synced_at=now())

    async def resume(self) -> None:
        """Take up runs that a killed process left. They begin again where their journal ends."""
        for source in await self.journal.take_over_interrupted():
            with contextlib.suppress(ServiceError):
                await self.start(source)

    async def close(self) -> None:
        """Stop all runs; they are taken up at the next start."""
        tasks = [run.task for run in self._running.values() if run.task]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _make(self, spec: SourceSpec) -> Source:
        options = replace(
            spec.options,
            max_file_bytes=self._settings.max_file_bytes,
            max_documents=self._settings.max_documents,
        )
        try:
            return make_source(replace(spec, options=options))
        except InvalidSource as error:
            raise InvalidRequest(f"This can't be learned: {error}.", code="invalid_source") from None

    async def _writer(self, spec: SourceSpec) -> RecordWriter | None:
        collection = await self._collections.get(spec.collection)
        if collection is None:
            return None
        return RecordWriter(
            spec,
            collection.index,
            collection.namespace,
            journal=self.journal,
            embeddings=self._embeddings,
            vectordb=self._vectordb,
        )

    async def _drive(self, spec: SourceSpec, sync: Sync, run: _Run) -> None:
        """Run to the end and tell everybody; never raises but when cancelled."""
        context.request_id.set(run.progress.run)
        last = run.progress
        try:
            async with self._slots:
                await self.journal.set_status(spec, "syncing")
                await self.journal.save_run(spec, last)
                async for last in sync.run():
                    await self.journal.save_run(spec, last)
                    await run.tell(last)
            last = replace(last, state="done")
        except asyncio.CancelledError:
            last = replace(last, state="cancelled", error="The run was stopped.")
            raise
        except (ServiceError, SourceUnavailable) as error:
            last = replace(last, state="failed", error=str(error), fix=getattr(error, "fix", None) or "")
        except SQLAlchemyError as error:
            # In brief: the whole of it holds the statement with what was to be written.
            log.error("sync_broke", source=spec.id, exc_info=error)
            reason = f"The bot's database failed: {getattr(error, 'orig', None) or type(error).__name__}"
            last = replace(last, state="failed", error=reason, fix="See the bot's log.")
        except Exception as error:
            log.error("sync_broke", source=spec.id, exc_info=error)
            last = replace(last, state="failed", error=f"{type(error).__name__}: {error}", fix="See the bot's log.")
        finally:
            del self._running[spec.id]
            if last.state != "cancelled":
                await self._finish(spec, last)
            await run.tell(last)

    async def _finish(self, spec: SourceSpec, last: SyncProgress) -> None:
        log.info("synced", **{k: v for k, v in vars(last).items() if not k.startswith("_") and v})
        try:
            await self.journal.save_run(spec, last)
            if last.state == "done":
                await self.journal.set_status(spec, "ready", synced_at=now())
            else:
                await self.journal.set_status(spec, "failed", last.error)
        except SQLAlchemyError as error:
            # A full disk, say. Whoever follows the run must hear of its end all the same.
            log.error("run_not_kept", source=spec.id, exc_info=error)


def unknown_source(source: str) -> NotFound:
    """For a source that is not there, or that its asker may not know of."""
    return NotFound(f"There is no source {source}.", fix="GET /v1/sources lists them.", code="source_not_found")
