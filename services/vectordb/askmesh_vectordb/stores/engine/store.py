"""A whole store of a plain vector engine: what `Store` promises beyond what engines do is done here, once.

Writes to a namespace take turns within this process, for merging metadata is a read and a write; between processes the
later one counts. The lexical index is a companion file.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from weakref import WeakValueDictionary

from askmesh_vectordb.filters import Filter
from askmesh_vectordb.stores.base import (
    AlreadyExists,
    Capabilities,
    IndexInfo,
    IndexNotFound,
    Match,
    Metadata,
    NamespaceNotFound,
    Page,
    ProtectedIndex,
    Query,
    Record,
    Selection,
    Store,
    Vector,
    WrongDimension,
    check_same_index,
    merged_tags,
)
from askmesh_vectordb.stores.companions import Companions
from askmesh_vectordb.stores.engine.base import VectorEngine
from askmesh_vectordb.stores.engine.listing import Listings
from askmesh_vectordb.stores.engine.nearest import nearest
from askmesh_vectordb.stores.engine.scanner import Scanner

_PAGE = 500
"""Records read at a time."""


class EngineStore(Store):
    """`folder` holds the companion files."""

    def __init__(self, engine: VectorEngine, *, folder: Path) -> None:
        self._engine = engine
        self._companions = Companions(self, folder, lag_s=0.0)
        self._listings = Listings()
        self._scanner = Scanner(engine, self._listings)
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    @property
    def capabilities(self) -> Capabilities:
        return self._engine.capabilities

    async def ensure_index(self, wanted: IndexInfo) -> bool:
        self._engine.forget(wanted.name)
        if await self._engine.create(wanted):
            # A file of an index that another process dropped.
            await self._forget(wanted.name)
            return True
        check_same_index(await self._engine.describe(wanted.name), wanted)
        return False

    async def describe_index(self, name: str) -> IndexInfo:
        return await self._engine.describe(name)

    async def list_indexes(self) -> list[IndexInfo]:
        found: list[IndexInfo] = []
        for name in sorted(await self._engine.names()):
            # It may be gone by now, or somebody else's under a name like ours.
            with suppress(IndexNotFound):
                found.append(await self._engine.describe(name))
        return found

    async def configure_index(
        self, name: str, *, tags: Mapping[str, str] | None = None, deletion_protection: bool | None = None
    ) -> IndexInfo:
        info = await self._engine.describe(name)
        records = sum((await self._engine.counts(name, None)).values())
        protected = info.deletion_protection if deletion_protection is None else deletion_protection
        changed = replace(info, tags=merged_tags(info, tags or {}, records), deletion_protection=protected)
        await self._engine.save(changed)
        return changed

    async def drop_index(self, name: str) -> None:
        if (await self._engine.describe(name)).deletion_protection:
            raise ProtectedIndex(f"The index {name!r} is protected.", fix="Set deletion_protection to disabled.")
        await self._engine.drop(name)
        await self._forget(name)

    async def upsert(self, index: str, namespace: str, records: Sequence[Record]) -> None:
        await self._check_dimension(index, *(record.values for record in records))
        latest = {record.id: record for record in records}
        async with self._turn(index, namespace):
            await self._write(index, namespace, list(latest.values()))

    async def query(self, index: str, namespace: str, query: Query) -> list[Match]:
        await self._check_dimension(index, query.vector)
        info, vector = await self._engine.known(index), query.vector
        if query.id is not None:
            known = (await self.fetch(index, namespace, [query.id])).get(query.id)
            vector = known.values if known else None
        if vector is None:
            return []
        matches = await nearest(self._engine, info, namespace, vector, query)
        values: dict[str, Record] = {}
        if query.include_values:
            values = await self.fetch(index, namespace, [match.id for match in matches])
            matches = [match for match in matches if match.id in values]
        return [
            Match(
                match.id,
                match.score,
                values[match.id].values if query.include_values else None,
                match.metadata if query.include_metadata else None,
            )
            for match in matches
        ]

    async def fetch(self, index: str, namespace: str, ids: Sequence[str]) -> dict[str, Record]:
        found: dict[str, Record] = {}
        for start in range(0, len(ids) or 1, _PAGE):
            found |= await self._engine.read(index, namespace, ids[start : start + _PAGE])
        return {name: found[name] for name in ids if name in found}

    async def update(
        self,
        index: str,
        namespace: str,
        selection: Selection,
        *,
        values: Vector | None = None,
        set_metadata: Metadata | None = None,
        dry_run: bool = False,
    ) -> int:
        await self._check_dimension(index, values)
        matched = 0
        async with self._turn(index, namespace):
            async for records in self._selected(index, namespace, selection):
                matched += len(records)
                changed = [
                    Record(
                        record.id, record.values if values is None else values, record.metadata | (set_metadata or {})
                    )
                    for record in records
                ]
                if not dry_run:
                    await self._write(index, namespace, changed)
        return matched

    async def delete(self, index: str, namespace: str, selection: Selection) -> None:
        await self._engine.known(index)
        companion = self._companions.of(index)
        async with self._turn(index, namespace):
            if selection.everything:
                await self._engine.clear(index, namespace)
                await companion.clear(namespace)
                return
            async for ids in self._selected_ids(index, namespace, selection):
                tickets = await companion.expect(namespace, ids)
                await self._engine.remove(index, namespace, ids)
                await companion.take_in(namespace, dict.fromkeys(ids), tickets)

    async def count(self, index: str, filter: Filter | None = None) -> dict[str, int]:  # noqa: A002
        await self._engine.known(index)
        if filter is None or self._engine.exact(index, filter):
            return await self._engine.counts(index, filter)
        counts: dict[str, int] = {}
        for namespace in await self._engine.counts(index, None):
            pages = self._selected(index, namespace, Selection(filter=filter))
            counts[namespace] = sum([len(records) async for records in pages])
        return counts

    async def scan(
        self,
        index: str,
        namespace: str,
        *,
        limit: int,
        cursor: str | None = None,
        prefix: str = "",
        filter: Filter | None = None,  # noqa: A002
        include_values: bool = True,
    ) -> Page[Record]:
        page = await self._scanner.page(index, namespace, limit, cursor, prefix, filter)
        if not include_values:
            page = Page([Record(record.id, None, record.metadata) for record in page.items], page.cursor)
        return page

    async def create_namespace(self, index: str, namespace: str) -> None:
        if not await self._engine.create_namespace(index, namespace):
            raise AlreadyExists(f"The namespace {namespace!r} exists already.")

    async def drop_namespace(self, index: str, namespace: str) -> None:
        if namespace not in await self._engine.counts(index, None):
            raise NamespaceNotFound(f"There is no namespace {namespace!r}.")
        async with self._turn(index, namespace):
            await self._engine.drop_namespace(index, namespace)
            await self._companions.of(index).clear(namespace)

    async def search_text(
        self,
        index: str,
        namespace: str,
        text: str,
        *,
        top_k: int,
        filter: Filter | None = None,  # noqa: A002
        include_metadata: bool = True,
    ) -> list[Match]:
        # The metadata is read in any case, to see that the record is still there.
        await self._engine.known(index)
        return await self._companions.search(index, namespace, text, top_k, filter)

    async def check(self) -> str | None:
        await self._engine.check()
        return None

    async def close(self) -> None:
        await self._companions.close()
        await self._engine.close()

    def _turn(self, index: str, namespace: str) -> asyncio.Lock:
        return self._turns.setdefault((index, namespace), asyncio.Lock())

    async def _write(self, index: str, namespace: str, records: Sequence[Record]) -> None:
        metadata = {record.id: record.metadata for record in records}
        companion = self._companions.of(index)
        tickets = await companion.expect(namespace, metadata)
        self._listings.wrote(index, namespace, metadata)
        await self._engine.write(index, namespace, records)
        await companion.take_in(namespace, {**metadata}, tickets)

    async def _selected(self, index: str, namespace: str, selection: Selection) -> AsyncIterator[list[Record]]:
        """The records that a selection means, some at a time."""
        chosen = selection.filter
        ids = selection.ids
        if ids is None:
            ids = await self._engine.ids(index, namespace, chosen)
        names = list(dict.fromkeys(ids))
        for start in range(0, len(names) or 1, _PAGE):
            records = (await self._engine.read(index, namespace, names[start : start + _PAGE])).values()
            yield [record for record in records if chosen is None or chosen.matches(record.metadata)]

    async def _selected_ids(self, index: str, namespace: str, selection: Selection) -> AsyncIterator[list[str]]:
        chosen = selection.filter
        if chosen is None or (selection.ids is None and self._engine.exact(index, chosen)):
            ids = selection.ids if selection.ids is not None else await self._engine.ids(index, namespace, chosen)
            for start in range(0, len(ids), _PAGE):
                yield list(ids[start : start + _PAGE])
        else:
            async for records in self._selected(index, namespace, selection):
                if records:
                    yield [record.id for record in records]

    async def _check_dimension(self, index: str, *vectors: Vector | None) -> None:
        lengths = {len(vector) for vector in vectors if vector is not None}
        if lengths - {(await self._engine.known(index)).dimension}:
            # It may have been made anew since.
            self._engine.forget(index)
            wanted = (await self._engine.known(index)).dimension
            if wrong := lengths - {wanted}:
                raise WrongDimension(wrong.pop(), wanted)

    async def _forget(self, index: str) -> None:
        self._engine.forget(index)
        self._listings.forget(index)
        await self._companions.drop(index)
