"""From chunks to records: their ids, their hashes and what they carry."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from askmesh_bot.knowledge.base import Chunk, Document, Source
from askmesh_bot.knowledge.chunking import VERSION, ChunkLimits, chunk
from askmesh_bot.knowledge.journal import Entry
from askmesh_bot.knowledge.sources.spec import SourceSpec


@dataclass(frozen=True)
class Planned:
    """A record as it is to be. `embedded` is what its vector is made from."""

    entry: Entry
    embedded: str
    metadata: dict[str, Any]


@dataclass(frozen=True)
class PlannedDocument:
    """A document with the records that are to stand for it."""

    document: Document
    content_hash: str
    records: tuple[Planned, ...]


def learned_hash(document: Document, spec: SourceSpec, fingerprint: str, limits: ChunkLimits) -> str:
    """Equal as long as learning the document again would make the same records."""
    return _hash(document.content_hash, spec.title, spec.link, fingerprint, repr(limits), VERSION, document.audience)


def plan(document: Document, source: Source, spec: SourceSpec, fingerprint: str, limits: ChunkLimits) -> list[Planned]:
    """The records of a document. Ids depend on the source, the document and the place in it, not on line numbers."""
    return [_planned(document, one, source, spec, fingerprint) for one in chunk(document, source.title, limits)]


def record_id(source: str, document: str, key: str) -> str:
    """An id that the same place gets at every sync, and that begins with its source's."""
    return f"{source}:{_hash(document, key)[:24]}"


def _planned(document: Document, one: Chunk, source: Source, spec: SourceSpec, fingerprint: str) -> Planned:
    embedded = f"{one.header}\n{one.text}"
    vector_hash = _hash(fingerprint, embedded)
    metadata: dict[str, Any] = {
        "text": one.text,
        "header": one.header,
        "title": document.title,
        "url": source.link(document, one),
        "source": spec.id,
        "document": document.id,
        "kind": document.kind,
        "path": document.path,
        "line_start": one.line_start,
        "line_end": one.line_end,
        "anchor": one.anchor,
        "symbol": one.symbol,
        "audience": list(document.audience),
        "position": one.position,
        "hash": vector_hash,
    }
    metadata_hash = _hash(json.dumps(metadata, sort_keys=True))
    entry = Entry(record_id(spec.id, document.id, one.key), vector_hash, metadata_hash, one.position)
    return Planned(entry, embedded, metadata)


def _hash(*parts: str | Sequence[str]) -> str:
    joined = "\0".join(part if isinstance(part, str) else ",".join(part) for part in parts)
    return hashlib.sha256(joined.encode(errors="replace")).hexdigest()
