"""Brings the vector database in line with a source: embeds what changed, deletes what vanished, keeps the rest."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from askmesh_kit.logs import get_logger

from askmesh_bot.knowledge.audience import narrowed
from askmesh_bot.knowledge.base import Document, Source
from askmesh_bot.knowledge.chunking import ChunkLimits
from askmesh_bot.knowledge.journal import Journal
from askmesh_bot.knowledge.progress import SyncProgress
from askmesh_bot.knowledge.records import Planned, PlannedDocument, learned_hash, plan
from askmesh_bot.knowledge.sources.spec import SourceSpec
from askmesh_bot.knowledge.writing import RecordWriter
from askmesh_bot.peers.embeddings import EmbeddingsClient
from askmesh_bot.peers.errors import PeerError, PeerUnavailable
from askmesh_bot.peers.vectordb import VectordbClient
from askmesh_bot.settings import LearningSettings

T = TypeVar("T")

log = get_logger("askmesh.learning")

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 8.0
_TIGHTENINGS = 5


class Sync:
    """One run over one source. What was done is journaled window by window, so a run that is cut off can be repeated
    at the cost of one window, and a repeated run ends in the same index as an undisturbed one."""

    def __init__(
        self,
        spec: SourceSpec,
        source: Source,
        progress: SyncProgress,
        *,
        journal: Journal,
        embeddings: EmbeddingsClient,
        vectordb: VectordbClient,
        settings: LearningSettings,
    ) -> None:
        self._spec, self._source, self._progress = spec, source, progress
        self._journal, self._embeddings, self._vectordb, self._settings = journal, embeddings, vectordb, settings

    async def run(self) -> AsyncIterator[SyncProgress]:
        """Progress after every window. Raises SourceUnavailable, PeerUnavailable or PeerError; nothing is deleted then
        on account of documents that were not reached."""
        fingerprint, limits, writer = await self._open()
        known = await self._journal.fingerprints(self._spec)
        self._progress.documents_total = await self._source.total()
        yield self._snapshot()
        seen: set[str] = set()
        window: list[PlannedDocument] = []
        async for found in self._source.documents():
            document = replace(found, audience=narrowed(self._spec.options.audience, found.audience))
            seen.add(document.id)
            content_hash = learned_hash(document, self._spec, fingerprint, limits)
            if known.get(document.id) == content_hash:
                self._progress.documents_done += 1
                continue
            records = await self._plan(document, fingerprint, limits)
            window.append(PlannedDocument(document, content_hash, records))
            if sum(len(item.records) for item in window) >= self._settings.window_chunks:
                await self._learn(window, writer, fingerprint, limits)
                window = []
                yield self._snapshot()
        await self._learn(window, writer, fingerprint, limits)
        # Files that turned out to be empty, or not to be text, were counted.
        self._progress.documents_total = self._progress.documents_done
        for gone in [document for document in known if document not in seen]:
            self._progress.chunks_deleted += await self._patiently(lambda gone=gone: writer.forget(gone))  # type: ignore[misc]
            self._progress.documents_deleted += 1
        yield self._snapshot()

    async def learn_one(self, document: Document) -> bool:
        """Learn this document alone; False where it was learned before as it is. Raises like `run`."""
        fingerprint, limits, writer = await self._open()
        content_hash = learned_hash(document, self._spec, fingerprint, limits)
        if await self._journal.fingerprint(self._spec, document.id) == content_hash:
            return False
        records = await self._plan(document, fingerprint, limits)
        await self._learn([PlannedDocument(document, content_hash, records)], writer, fingerprint, limits)
        return True

    async def _open(self) -> tuple[str, ChunkLimits, RecordWriter]:
        """The model's fingerprint, the sizes it asks for, and a writer to the collection's index."""
        card = await self._patiently(self._embeddings.model)
        collection = await self._journal.use_model(self._spec.collection, card.fingerprint)
        await self._patiently(lambda: self._vectordb.ensure_index(collection.index, card.dimension, card.fingerprint))
        counts = await self._patiently(lambda: self._vectordb.stats(collection.index))
        if not counts.get(collection.namespace) and await self._journal.has_records(self._spec.collection):
            log.warning("records_lost", collection=self._spec.collection, index=collection.index)
            await self._journal.records_lost(self._spec.collection)
        writer = RecordWriter(
            self._spec,
            collection.index,
            collection.namespace,
            journal=self._journal,
            embeddings=self._embeddings,
            vectordb=self._vectordb,
        )
        return card.fingerprint, ChunkLimits.for_encoder(card.max_input_tokens, self._settings.chunk_tokens), writer

    async def _learn(
        self, window: Sequence[PlannedDocument], writer: RecordWriter, fingerprint: str, limits: ChunkLimits
    ) -> None:
        if not window:
            return
        try:
            await self._write(window, writer)
        except PeerError as error:
            if error.peer != "embeddings" or error.peer_status not in {400, 413, 422}:
                raise
            # Probably a text that the encoder counts more tokens in than we do: find its document and cut it smaller.
            for item in window:
                await self._learn_tightly(item, writer, fingerprint, limits)

    async def _learn_tightly(
        self, item: PlannedDocument, writer: RecordWriter, fingerprint: str, limits: ChunkLimits
    ) -> None:
        for attempt in range(_TIGHTENINGS + 1):
            try:
                await self._write([item], writer)
            except PeerError:
                if attempt == _TIGHTENINGS:
                    raise
                limits = limits.tighter()
                item = replace(item, records=await self._plan(item.document, fingerprint, limits))
            else:
                return

    async def _plan(self, document: Document, fingerprint: str, limits: ChunkLimits) -> tuple[Planned, ...]:
        # In a thread: cutting a large page takes a while, and people are being answered meanwhile.
        return tuple(await asyncio.to_thread(plan, document, self._source, self._spec, fingerprint, limits))

    async def _write(self, window: Sequence[PlannedDocument], writer: RecordWriter) -> None:
        written = await self._patiently(lambda: writer.write(window))
        self._progress.documents_done += len(window)
        self._progress.documents_changed += len(window)
        self._progress.chunks_embedded += written.embedded
        self._progress.chunks_kept += written.kept
        self._progress.chunks_deleted += written.deleted

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """The call's result, tried again while a service is away, for `retry_s` at most. Every call may be repeated."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.retry_s
        pause = _FIRST_PAUSE_S
        while True:
            try:
                result = await call()
            except PeerUnavailable as error:
                wait = max(pause, min(error.retry_after or 0, _LONGEST_PAUSE_S))
                if loop.time() + wait > deadline:
                    raise
                self._progress.note = f"waiting: {error.detail}"
                await asyncio.sleep(wait)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            else:
                self._progress.note = ""
                return result

    def _snapshot(self) -> SyncProgress:
        return replace(self._progress)
