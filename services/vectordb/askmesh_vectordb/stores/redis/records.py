"""Reading an index's records."""

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import numpy as np

from askmesh_vectordb.filters import Filter
from askmesh_vectordb.stores.base import Metadata, Page, Record, Vector
from askmesh_vectordb.stores.redis.client import Server
from askmesh_vectordb.stores.redis.keys import Index, Space

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Held:
    """A record as it is kept. `text` is its metadata as JSON, None where that was not asked for."""

    id: str
    values: Vector | None
    text: bytes | None

    @property
    def metadata(self) -> Metadata:
        parsed: Metadata = json.loads(self.text or b"{}")
        return parsed

    @property
    def digest(self) -> str:
        """What the writing scripts compare, to see that nobody changed the record since."""
        return hashlib.sha1(self.text or b"", usedforsecurity=False).hexdigest()

    def satisfies(self, chosen: Filter | None) -> bool:
        return chosen is None or chosen.matches(self.metadata)


async def read(
    server: Server, space: Space, ids: Sequence[str], *, values: bool = True, text: bool = True
) -> list[Held]:
    """The records that exist, in the order of the ids; each as it was at one moment."""
    found: list[Held] = []
    for start in range(0, len(ids), _PAGE):
        part = ids[start : start + _PAGE]
        fields = ([space.values] if values else []) + ([space.metadata] if text or not values else [])
        answers = await server.ask_all([("HMGET", key, *part) for key in fields], together=True)
        vectors = answers[0] if values else [None] * len(part)
        texts = answers[-1] if text or not values else [None] * len(part)
        found += [
            Held(name, _vector(vector), known if text else None)
            for name, vector, known in zip(part, vectors, texts, strict=True)
            if (vector if values else known) is not None
        ]
    return found


async def fetch(server: Server, space: Space, ids: Sequence[str]) -> dict[str, Record]:
    held = await read(server, space, list(dict.fromkeys(ids)))
    return {record.id: Record(record.id, record.values, record.metadata) for record in held}


async def ids_between(server: Server, space: Space, above: str, prefix: str, limit: int) -> list[str]:
    """Ids that begin with the prefix and come after another, in order."""
    low = f"({above}".encode() if above >= prefix else f"[{prefix}".encode()
    # Ids are ASCII: no byte of one is as high as this.
    high = b"(" + prefix.encode() + b"\xff"
    if not above and not prefix:
        low = b"-"
    names = await server.ask("ZRANGEBYLEX", space.ids, low, high, "LIMIT", 0, limit)
    return [name.decode() for name in names]


async def pages(
    server: Server,
    space: Space,
    *,
    prefix: str = "",
    above: str = "",
    values: bool = False,
    text: bool = True,
    size: int = _PAGE,
) -> AsyncIterator[list[Held]]:
    """All records in the order of their ids."""
    while names := await ids_between(server, space, above, prefix, size):
        yield await read(server, space, names, values=values, text=text)
        if len(names) < size:
            return
        above = names[-1]


async def scan(
    server: Server,
    space: Space,
    *,
    limit: int,
    cursor: str | None,
    prefix: str,
    chosen: Filter | None,
    include_values: bool,
) -> Page[Record]:
    records: list[Record] = []
    size = limit + 1 if chosen is None else _PAGE
    async for page in pages(server, space, prefix=prefix, above=cursor or "", values=include_values, size=size):
        for held in page:
            if held.satisfies(chosen):
                if len(records) == limit:
                    return Page(records, records[-1].id)
                records.append(Record(held.id, held.values, held.metadata))
    return Page(records)


async def select(server: Server, space: Space, chosen: Filter | None) -> list[Held]:
    """The records that satisfy a filter, without their vectors."""
    return [held async for page in pages(server, space) for held in page if held.satisfies(chosen)]


async def namespaces(server: Server, index: Index) -> dict[str, bool]:
    """The names that hold records or stay when they are empty, with whether they stay."""
    known = await server.ask("HGETALL", index.namespaces)
    return {name.decode(): stays == b"1" for name, stays in sorted(known.items())}


async def count(server: Server, index: Index, chosen: Filter | None) -> dict[str, int]:
    known = await namespaces(server, index)
    spaces = [index.space(name) for name in known]
    sizes = await server.ask_all([("ZCARD", space.ids) for space in spaces])
    counts = {name: size for (name, stays), size in zip(known.items(), sizes, strict=True) if size or stays}
    if chosen is None:
        return counts
    return {name: len(await select(server, index.space(name), chosen)) for name in counts}


def _vector(raw: bytes | None) -> Vector | None:
    return None if raw is None else np.frombuffer(raw, dtype="<f4").astype(np.float32)
