"""The Redis store: records in hashes and a sorted set, searched by a vector set."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from askmesh_vectordb.filters import Filter
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import (
    AlreadyExists,
    Capabilities,
    IndexInfo,
    IndexNotFound,
    Match,
    Metadata,
    NamespaceNotFound,
    Page,
    Query,
    Record,
    Selection,
    Store,
    Vector,
    WrongDimension,
)
from askmesh_vectordb.stores.companions import Companions
from askmesh_vectordb.stores.redis import records
from askmesh_vectordb.stores.redis.catalog import Catalog, needs_count
from askmesh_vectordb.stores.redis.client import Server
from askmesh_vectordb.stores.redis.errors import IndexGone
from askmesh_vectordb.stores.redis.keys import Index
from askmesh_vectordb.stores.redis.search import Search
from askmesh_vectordb.stores.redis.writes import Writes

T = TypeVar("T")
_LEFT_BEHIND_S = 5.0
"""A writer that leaves ids pending for so long has died."""
_LINKED_PER_SEARCH = 32


class RedisStore(Store):
    """Indexes are groups of keys; the lexical index is a companion file beside this process."""

    def __init__(
        self,
        url: str,
        *,
        folder: Path,
        prefix: str = "askmesh",
        connections: int = 8,
        queue: int = 256,
        timeout_s: float = 20.0,
        exact_limit: int = 1000,
        ef: int = 200,
    ) -> None:
        self._server = Server(url, connections=connections, queue=queue, timeout_s=timeout_s)
        self._catalog = Catalog(self._server, prefix)
        self._writes = Writes(self._server)
        self._search, self._exact_limit = Search(self._server, exact_limit, ef), exact_limit
        # Since when searches find something pending, by index and namespace.
        self._pending_since: dict[tuple[str, str], float] = {}
        self._companions = Companions(self, folder, 0.0)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            store="redis",
            durable_writes=self._server.durable,
            read_your_writes=True,
            atomic_requests=True,
            lexical="companion",
            search=f"exact up to {self._exact_limit} vectors of a namespace, then approximate (a vector set)",
        )

    async def ensure_index(self, wanted: IndexInfo) -> bool:
        return await self._catalog.create(wanted)

    async def describe_index(self, name: str) -> IndexInfo:
        return (await self._catalog.find(name)).info

    async def list_indexes(self) -> list[IndexInfo]:
        return await self._catalog.every()

    async def configure_index(
        self, name: str, *, tags: Mapping[str, str] | None = None, deletion_protection: bool | None = None
    ) -> IndexInfo:
        records = sum((await self.count(name)).values()) if needs_count(tags) else 0
        return await self._catalog.configure(name, records, tags, deletion_protection)

    async def drop_index(self, name: str) -> None:
        await self._catalog.drop(name)
        await self._companions.drop(name)
        await self._catalog.remove_dropped()

    async def upsert(self, index: str, namespace: str, records: Sequence[Record]) -> None:
        async def write(found: Index) -> None:
            await self._writes.upsert(found, namespace, records)

        await self._index(index, *(record.values for record in records))
        latest = {record.id: record.metadata for record in records}
        companion = self._companions.of(index)
        tickets = await companion.expect(namespace, latest)
        await self._on(index, write, *(record.values for record in records))
        await companion.take_in(namespace, dict(latest), tickets)

    async def query(self, index: str, namespace: str, query: Query) -> list[Match]:
        async def read(found: Index) -> list[Match]:
            matches, pending = await self._search(found, namespace, query)
            await self._link_left_behind(found, namespace, pending)
            return matches

        return await self._on(index, read, query.vector)

    async def fetch(self, index: str, namespace: str, ids: Sequence[str]) -> dict[str, Record]:
        async def read(found: Index) -> dict[str, Record]:
            return await records.fetch(self._server, found.space(namespace), ids)

        return await self._on(index, read)

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
        async def write(found: Index) -> list[str]:
            if dry_run:
                return [held.id for held in await self._writes.select(found, namespace, selection)]
            return await self._writes.update(found, namespace, selection, values, set_metadata or {})

        touched = await self._on(index, write, values)
        if not dry_run and self._companions.concerned(set_metadata):
            tickets = await self._companions.of(index).expect(namespace, touched)
            await self._companions.catch_up(index, namespace, tickets, set_metadata)
        return len(touched)

    async def delete(self, index: str, namespace: str, selection: Selection) -> None:
        async def write(found: Index) -> list[str]:
            if selection.everything and selection.filter is None and selection.ids is None:
                await self._writes.clear(found, namespace, forget=False)
                return []
            return await self._writes.delete(found, namespace, selection)

        gone = await self._on(index, write)
        companion = self._companions.of(index)
        if selection.everything:
            await companion.clear(namespace)
        tickets = await companion.expect(namespace, gone)
        await companion.take_in(namespace, dict.fromkeys(gone), tickets)

    async def count(self, index: str, filter: Filter | None = None) -> dict[str, int]:  # noqa: A002
        async def read(found: Index) -> dict[str, int]:
            return await records.count(self._server, found, filter)

        return await self._on(index, read)

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
        async def read(found: Index) -> Page[Record]:
            return await records.scan(
                self._server,
                found.space(namespace),
                limit=limit,
                cursor=cursor,
                prefix=prefix,
                chosen=filter,
                include_values=include_values,
            )

        return await self._on(index, read)

    async def create_namespace(self, index: str, namespace: str) -> None:
        if not await self._on(index, lambda found: self._writes.create_namespace(found, namespace)):
            raise AlreadyExists(f"The namespace {namespace!r} exists already.")

    async def drop_namespace(self, index: str, namespace: str) -> None:
        if not await self._on(index, lambda found: self._writes.clear(found, namespace, forget=True)):
            raise NamespaceNotFound(f"There is no namespace {namespace!r}.")
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
        await self._index(index)
        return await self._companions.search(index, namespace, text, top_k, filter)

    async def check(self) -> str | None:
        await self.list_indexes()
        return None

    async def close(self) -> None:
        await self._companions.close()
        await self._server.close()

    async def _index(self, name: str, *vectors: Vector | None) -> Index:
        async def read(found: Index) -> Index:
            return found

        return await self._on(name, read, *vectors)

    async def _on(self, name: str, work: Callable[[Index], Awaitable[T]], *vectors: Vector | None) -> T:
        """Run work on an index that takes these vectors."""
        for repeated in (False, True):
            found = await self._catalog.find(name)
            for vector in vectors:
                if vector is not None and len(vector) != found.info.dimension:
                    raise WrongDimension(len(vector), found.info.dimension)
            try:
                return await work(found)
            except IndexGone:
                # Dropped since it was looked up.
                if repeated:
                    break
        raise IndexNotFound(name)

    async def _link_left_behind(self, index: Index, namespace: str, pending: Sequence[str]) -> None:
        """Take in what a writer that died left behind, a little with each search."""
        place = index.uid, namespace
        if not pending:
            self._pending_since.pop(place, None)
        elif time.monotonic() - self._pending_since.setdefault(place, time.monotonic()) > _LEFT_BEHIND_S:
            await self._writes.link(index, namespace, pending[:_LINKED_PER_SEARCH])


def open_store(settings: Settings) -> RedisStore:
    """Raises SystemExit, with the remedy, where no URL is set or it is none."""
    url = settings.redis_url.get_secret_value()
    if not url:
        raise SystemExit("the redis store needs a server: set ASKMESH_VECTORDB_REDIS_URL=redis://:password@host:6379/0")
    try:
        return RedisStore(
            url,
            folder=settings.data_path,
            prefix=settings.redis_prefix,
            connections=settings.redis_connections,
            queue=settings.redis_queue,
            timeout_s=settings.redis_timeout_s,
            exact_limit=settings.redis_exact_limit,
            ef=settings.redis_ef_search,
        )
    except ValueError as error:
        raise SystemExit(f"ASKMESH_VECTORDB_REDIS_URL: {error}") from error
