"""What has been learned, as the database remembers it: sources, documents, and which records stand for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update

from askmesh_bot.conversations.taken_back import take_back
from askmesh_bot.database.collections import index_name
from askmesh_bot.database.engine import Database
from askmesh_bot.database.models import ChunkRow, CollectionRow, DocumentRow, SourceRow, SyncRunRow, now
from askmesh_bot.knowledge.audience import PUBLIC
from askmesh_bot.knowledge.base import Document
from askmesh_bot.knowledge.progress import SyncProgress
from askmesh_bot.knowledge.sources.spec import SourceOptions, SourceSpec


@dataclass(frozen=True)
class Entry:
    """One record: the hash of what its vector was made from, and of everything else it carries."""

    record_id: str
    vector_hash: str
    metadata_hash: str
    position: int


class Journal:
    """The journal of one database. Every write is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Sources

    async def save_source(self, spec: SourceSpec) -> SourceRow:
        """Add a source, or change one; what was learned from it stays until the next sync."""
        async with self._database.write() as session:
            row = await session.get(SourceRow, (spec.collection, spec.id))
            if row is None:
                row = SourceRow(collection=spec.collection, id=spec.id, kind=spec.kind, location=spec.location)
                row.status, row.error, row.synced_at, row.created_at = "new", "", None, now()
                session.add(row)
            row.title = spec.title
            row.options = {
                "link": spec.link,
                "include": list(spec.options.include),
                "exclude": list(spec.options.exclude),
                "private": spec.options.private,
                "audience": list(spec.options.audience),
            }
            return row

    async def sources(self, collection: str | None = None) -> list[tuple[SourceRow, int, int]]:
        """Every source with its number of documents and of chunks, oldest first."""
        documents = (
            select(DocumentRow.source, func.count().label("documents"), func.sum(DocumentRow.chunks).label("chunks"))
            .group_by(DocumentRow.source)
            .subquery()
        )
        query = select(SourceRow, documents.c.documents, documents.c.chunks).outerjoin(
            documents, documents.c.source == SourceRow.id
        )
        if collection is not None:
            query = query.where(SourceRow.collection == collection)
        async with self._database.read() as session:
            rows = await session.execute(query.order_by(SourceRow.created_at, SourceRow.id))
            return [(row[0], row[1] or 0, int(row[2] or 0)) for row in rows]

    async def source(self, source: str) -> SourceRow | None:
        """A source by its id, which is unique over all collections."""
        async with self._database.read() as session:
            return await session.scalar(select(SourceRow).where(SourceRow.id == source))

    async def set_status(
        self, spec: SourceSpec, status: str, error: str = "", synced_at: datetime | None = None
    ) -> None:
        values: dict[str, Any] = {"status": status, "error": error}
        if synced_at is not None:
            values["synced_at"] = synced_at
        async with self._database.write() as session:
            await session.execute(
                update(SourceRow).where(_is_source(SourceRow, spec.collection, spec.id)).values(values)
            )

    async def remove_source(self, spec: SourceSpec) -> None:
        """Forget the source, its documents and its runs; its records must be gone already."""
        async with self._database.write() as session:
            for table in (ChunkRow, DocumentRow, SyncRunRow):
                await session.execute(delete(table).where(table.collection == spec.collection, table.source == spec.id))
            await session.execute(delete(SourceRow).where(_is_source(SourceRow, spec.collection, spec.id)))

    # Documents and their records

    async def fingerprints(self, spec: SourceSpec) -> dict[str, str]:
        """Document id -> the hash it was learned with; empty for one whose learning was cut off."""
        async with self._database.read() as session:
            started = await session.scalars(
                select(ChunkRow.document)
                .where(ChunkRow.collection == spec.collection, ChunkRow.source == spec.id)
                .distinct()
            )
            known = dict.fromkeys(started, "")
            rows = await session.execute(
                select(DocumentRow.id, DocumentRow.content_hash).where(
                    DocumentRow.collection == spec.collection, DocumentRow.source == spec.id
                )
            )
            return known | {row[0]: row[1] for row in rows}

    async def fingerprint(self, spec: SourceSpec, document: str) -> str | None:
        """The hash that one document was learned with; None where it was not."""
        async with self._database.read() as session:
            row = await session.get(DocumentRow, (spec.collection, spec.id, document))
            return row.content_hash if row else None

    async def entries(self, spec: SourceSpec, document: str) -> list[Entry]:
        """The records of a document."""
        async with self._database.read() as session:
            rows = await session.scalars(select(ChunkRow).where(_of_document(ChunkRow, spec, document)))
            return [Entry(row.record_id, row.hash, row.metadata_hash, row.position) for row in rows]

    async def announce(self, spec: SourceSpec, planned: Mapping[str, Sequence[str]]) -> None:
        """Note record ids per document before they are stored, so that a run that is killed leaves no orphans."""
        async with self._database.write() as session:
            for document, ids in planned.items():
                for record_id in ids:
                    row = await session.get(ChunkRow, (spec.collection, record_id))
                    if row is None:
                        session.add(_chunk_row(spec, document, Entry(record_id, "", "", 0)))
                    else:
                        row.hash = row.metadata_hash = ""

    async def learned(self, spec: SourceSpec, document: Document, content_hash: str, entries: Sequence[Entry]) -> None:
        """Note that exactly these records stand for the document now."""
        async with self._database.write() as session:
            await session.execute(delete(ChunkRow).where(_of_document(ChunkRow, spec, document.id)))
            session.add_all(_chunk_row(spec, document.id, entry) for entry in entries)
            await session.merge(
                DocumentRow(
                    collection=spec.collection,
                    source=spec.id,
                    id=document.id,
                    title=document.title,
                    path=document.path,
                    kind=document.kind,
                    content_hash=content_hash,
                    text=document.text,
                    chunks=len(entries),
                    public=PUBLIC in document.audience,
                    synced_at=now(),
                )
            )
            if document.kind == "thread":
                await take_back(session, spec.collection, spec.id, document.id, document.text)

    async def forgotten(self, spec: SourceSpec, document: str, still: str | None = "") -> None:
        """Note that nothing stands for the document any more. `still`: what is not taken back, but can't be learned now;
        None: all of it."""
        async with self._database.write() as session:
            row = await session.get(DocumentRow, (spec.collection, spec.id, document))
            if still is not None and (row is None or row.kind == "thread"):
                await take_back(session, spec.collection, spec.id, document, still)
            await session.execute(delete(ChunkRow).where(_of_document(ChunkRow, spec, document)))
            await session.execute(
                delete(DocumentRow).where(
                    DocumentRow.collection == spec.collection,
                    DocumentRow.source == spec.id,
                    DocumentRow.id == document,
                )
            )

    async def documents(
        self, source: str, after: str = "", limit: int = 100, *, public_only: bool = False
    ) -> list[tuple[str, str, str, str, int, datetime]]:
        """(id, title, path, kind, chunks, synced_at) of a source's documents by id, those after `after`."""
        table = DocumentRow
        query = select(table.id, table.title, table.path, table.kind, table.chunks, table.synced_at).where(
            table.source == source, table.id > after, *([table.public] if public_only else [])
        )
        async with self._database.read() as session:
            rows = await session.execute(query.order_by(table.id).limit(limit))
            return [(row[0], row[1], row[2], row[3], row[4], row[5]) for row in rows]

    async def document(self, collection: str, source: str, path: str) -> DocumentRow | None:
        """A document by its path, with its text."""
        async with self._database.read() as session:
            return await session.scalar(
                select(DocumentRow).where(
                    DocumentRow.collection == collection, DocumentRow.source == source, DocumentRow.path == path
                )
            )

    # Collections

    async def use_model(self, collection: str, fingerprint: str) -> CollectionRow:
        """The collection's place for vectors of this model. With another model than before it is another index."""
        async with self._database.write() as session:
            row = await session.get(CollectionRow, collection)
            if row is None:
                row = CollectionRow(name=collection, namespace=collection)
                session.add(row)
            row.index, row.fingerprint = index_name(fingerprint), fingerprint
            return row

    async def has_records(self, collection: str) -> bool:
        """Whether the journal knows records of the collection."""
        async with self._database.read() as session:
            return await session.scalar(select(ChunkRow.record_id).where(ChunkRow.collection == collection)) is not None

    async def records_lost(self, collection: str) -> None:
        """The database of vectors came back empty: everything is to be learned anew."""
        async with self._database.write() as session:
            await session.execute(update(ChunkRow).where(ChunkRow.collection == collection).values(hash=""))
            await session.execute(
                update(DocumentRow).where(DocumentRow.collection == collection).values(content_hash="")
            )

    # Runs

    async def save_run(self, spec: SourceSpec, progress: SyncProgress) -> None:
        """Note how far a run got."""
        async with self._database.write() as session:
            row = await session.get(SyncRunRow, progress.run)
            if row is None:
                row = SyncRunRow(id=progress.run, collection=spec.collection, source=spec.id, started_at=now())
                session.add(row)
            row.state, row.error = progress.state, progress.error
            row.documents_total = progress.documents_total or 0
            row.documents_done = progress.documents_done
            row.chunks_embedded, row.chunks_deleted = progress.chunks_embedded, progress.chunks_deleted
            row.finished_at = None if progress.state == "running" else now()

    async def last_run(self, source: str) -> SyncRunRow | None:
        """The newest run of a source."""
        async with self._database.read() as session:
            return await session.scalar(
                select(SyncRunRow).where(SyncRunRow.source == source).order_by(SyncRunRow.started_at.desc()).limit(1)
            )

    async def take_over_interrupted(self) -> list[str]:
        """Sources whose run was cut off by a killed process; each is given to one caller only."""
        async with self._database.write() as session:
            cut_off = await session.scalars(
                update(SyncRunRow)
                .where(SyncRunRow.state == "running")
                .values(state="interrupted", finished_at=now())
                .returning(SyncRunRow.source)
            )
            return sorted(set(cut_off))


def spec_of(row: SourceRow) -> SourceSpec:
    """The source a row describes."""
    kept = row.options
    options = SourceOptions(
        include=tuple(kept.get("include", ())),
        exclude=tuple(kept.get("exclude", ())),
        private=bool(kept.get("private", False)),
        audience=tuple(kept.get("audience", ())),
    )
    return SourceSpec(row.id, row.collection, row.kind, row.location, row.title, str(kept.get("link", "")), options)


def _is_source(table: type[SourceRow], collection: str, source: str) -> Any:
    return (table.collection == collection) & (table.id == source)


def _of_document(table: type[ChunkRow], spec: SourceSpec, document: str) -> Any:
    return (table.collection == spec.collection) & (table.source == spec.id) & (table.document == document)


def _chunk_row(spec: SourceSpec, document: str, entry: Entry) -> ChunkRow:
    return ChunkRow(
        collection=spec.collection,
        record_id=entry.record_id,
        source=spec.id,
        document=document,
        hash=entry.vector_hash,
        metadata_hash=entry.metadata_hash,
        position=entry.position,
    )
