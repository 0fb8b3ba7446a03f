"""Writes planned documents to the vector database and the journal, in an order that survives being killed anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass

from askmesh_bot.knowledge.journal import Entry, Journal
from askmesh_bot.knowledge.records import Planned, PlannedDocument
from askmesh_bot.knowledge.sources.spec import SourceSpec
from askmesh_bot.peers.embeddings import EmbeddingsClient
from askmesh_bot.peers.vectordb import Record, VectordbClient


@dataclass(frozen=True)
class Written:
    """What one window came to, in chunks."""

    embedded: int
    kept: int
    deleted: int


class RecordWriter:
    """Writes to one namespace of one index, for one source."""

    def __init__(
        self,
        spec: SourceSpec,
        index: str,
        namespace: str,
        *,
        journal: Journal,
        embeddings: EmbeddingsClient,
        vectordb: VectordbClient,
    ) -> None:
        self._spec, self._index, self._namespace = spec, index, namespace
        self._journal, self._embeddings, self._vectordb = journal, embeddings, vectordb

    async def write(self, window: Sequence[PlannedDocument]) -> Written:
        """Make exactly the planned records stand for these documents. May be repeated after any failure.

        The ids are journaled before their records are stored, and records are deleted before the journal forgets them:
        a process killed in between leaves nothing that the next run does not know of.
        """
        before = {item.document.id: await self._entries(item.document.id) for item in window}
        changed: list[tuple[str, Planned]] = []
        stale: list[str] = []
        for item in window:
            known = before[item.document.id]
            planned = {record.entry.record_id: record for record in item.records}
            changed += [(item.document.id, record) for key, record in planned.items() if known.get(key) != record.entry]
            stale += [key for key in known if key not in planned]
        vectors, embedded = await self._vectors([record for _, record in changed], before)
        announced: dict[str, list[str]] = {}
        for document, record in changed:
            announced.setdefault(document, []).append(record.entry.record_id)
        await self._journal.announce(self._spec, announced)
        records = [
            Record(record.entry.record_id, vectors[record.entry.vector_hash], record.metadata) for _, record in changed
        ]
        await self._vectordb.upsert(self._index, self._namespace, records)
        await self._vectordb.delete(self._index, self._namespace, stale)
        for item in window:
            entries = [record.entry for record in item.records]
            await self._journal.learned(self._spec, item.document, item.content_hash, entries)
        total = sum(len(item.records) for item in window)
        return Written(embedded, total - embedded, len(stale))

    async def forget(self, document: str, still: str | None = "") -> int:
        """Delete a document's records, then its entry in the journal. Returns the number of records. `still`: what was not
        taken back of its text; None: nothing was."""
        ids = list(await self._entries(document))
        await self._vectordb.delete(self._index, self._namespace, ids)
        await self._journal.forgotten(self._spec, document, still)
        return len(ids)

    async def _entries(self, document: str) -> dict[str, Entry]:
        return {entry.record_id: entry for entry in await self._journal.entries(self._spec, document)}

    async def _vectors(
        self, changed: Sequence[Planned], before: dict[str, dict[str, Entry]]
    ) -> tuple[dict[str, Sequence[float]], int]:
        """Vectors by hash, and how many of them had to be made: what only moved keeps the vector it has."""
        stored = {
            entry.vector_hash: key for known in before.values() for key, entry in known.items() if entry.vector_hash
        }
        wanted = {record.entry.vector_hash: record.embedded for record in changed}
        moved = {digest: stored[digest] for digest in wanted if digest in stored}
        fetched = await self._vectordb.fetch(self._index, self._namespace, list(moved.values()))
        vectors: dict[str, Sequence[float]] = {
            digest: fetched[key].values
            for digest, key in moved.items()
            if key in fetched and fetched[key].values and fetched[key].metadata.get("hash") == digest
        }
        missing = [digest for digest in wanted if digest not in vectors]
        made = await self._embeddings.embed([wanted[digest] for digest in missing], "document") if missing else []
        vectors.update(zip(missing, made, strict=True))
        return vectors, sum(record.entry.vector_hash in set(missing) for record in changed)
