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
from askmesh_vectordb.stores.followers import Change, Followers
from askmesh_vectordb.stores.redis import log, records
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
    """Indexes are groups of keys; the lexical index is a file beside this process."""

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
        self._lexical = Followers(self, self, folder)

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
        await self._server.look_at_settings()
        return await self._catalog.create(wanted)

    async def describe_index(self, name: str) -> IndexInfo:
        await self._server.look_at_settings()
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
        await self._lexical.drop(name)
        await self._catalog.remove_dropped()

    async def upsert(self, index: str, namespace: str, records: Sequence[Record]) -> None:
        async def write(found: Index) -> None:
            await self._writes.upsert(found, namespace, records)

        await self._on(index, write, *(record.values for record in records))

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
        async def write(found: Index) -> int:
            if dry_run:
                return len(await self._writes.select(found, namespace, selection))
            return await self._writes.update(found, namespace, selection, values, set_metadata or {})

        return await self._on(index, write, values)

    async def delete(self, index: str, namespace: str, selection: Selection) -> None:
        async def write(found: Index) -> None:
            if selection.everything and selection.filter is None and selection.ids is None:
                await self._writes.clear(found, namespace, forget=False)
            else:
                await self._writes.delete(found, namespace, selection)

        await self._on(index, write)

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
        await self.describe_index(index)
        # The metadata is read in any case, to see that the record is still there.
        return await self._lexical.search(index, namespace, text, top_k, filter)

    async def check(self) -> str | None:
        await self.list_indexes()
        return None

    async def close(self) -> None:
        await self._lexical.close()
        await self._server.close()

    async def end(self, index: str) -> str:
        """Of the log that the lexical index follows."""
        return await self._on(index, lambda found: log.end(self._server, found))

    async def since(self, index: str, place: str) -> tuple[Sequence[Change], str] | None:
        return await self._on(index, lambda found: log.since(self._server, found, place))

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
