"""The PostgreSQL store: every call is one statement or one transaction on a pooled connection."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from psycopg import AsyncConnection, ProgrammingError
from psycopg import errors as pg
from psycopg.conninfo import conninfo_to_dict

from askmesh_vectordb.filters import Filter
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import (
    Capabilities,
    IndexInfo,
    IndexNotFound,
    Match,
    Metadata,
    Page,
    Query,
    Record,
    Selection,
    Store,
    Vector,
    WrongDimension,
)
from askmesh_vectordb.stores.followers import Change, Followers
from askmesh_vectordb.stores.postgres import catalog, log, reads, writes
from askmesh_vectordb.stores.postgres.connections import Connections
from askmesh_vectordb.stores.postgres.search import Search
from askmesh_vectordb.stores.postgres.session import Session
from askmesh_vectordb.stores.postgres.table import Table

T = TypeVar("T")
Work = Callable[[AsyncConnection, Table], Awaitable[T]]


class _TableGone(Exception):
    """The index was dropped, and perhaps made anew, by another process."""


class PostgresStore(Store):
    """Indexes are tables of one schema; the lexical index is a file beside this process."""

    def __init__(
        self,
        url: str,
        *,
        folder: Path,
        schema: str = "askmesh_vectordb",
        connections: int = 8,
        queue: int = 256,
        timeout_s: float = 20.0,
        exact_limit: int = 3000,
        ef: int = 100,
    ) -> None:
        self._session = Session(schema, timeout_s)
        self._connections = Connections(url, self._session.prepare, size=connections, queue=queue, timeout_s=timeout_s)
        self._search, self._exact_limit = Search(exact_limit, ef), exact_limit
        self._tables: dict[str, Table] = {}
        self._lexical = Followers(self, self, folder)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            store="postgres",
            durable_writes=self._session.durable,
            read_your_writes=True,
            atomic_requests=True,
            lexical="companion",
            search=f"exact up to {self._exact_limit} candidates, then approximate (HNSW)",
        )

    async def ensure_index(self, wanted: IndexInfo) -> bool:
        return await self._connections.write(lambda connection: catalog.create(connection, wanted))

    async def describe_index(self, name: str) -> IndexInfo:
        return (await self._connections.read(lambda connection: catalog.find(connection, name))).info

    async def list_indexes(self) -> list[IndexInfo]:
        return await self._connections.read(catalog.every)

    async def configure_index(
        self, name: str, *, tags: Mapping[str, str] | None = None, deletion_protection: bool | None = None
    ) -> IndexInfo:
        return await self._connections.write(
            lambda connection: catalog.configure(connection, name, tags, deletion_protection)
        )

    async def drop_index(self, name: str) -> None:
        await self._connections.write(lambda connection: catalog.drop(connection, name))
        self._tables.pop(name, None)
        await self._lexical.drop(name)

    async def upsert(self, index: str, namespace: str, records: Sequence[Record]) -> None:
        async def write(connection: AsyncConnection, table: Table) -> None:
            await writes.upsert(connection, table, namespace, records)

        await self._write(index, write, *(record.values for record in records))

    async def query(self, index: str, namespace: str, query: Query) -> list[Match]:
        async def read(connection: AsyncConnection, table: Table) -> list[Match]:
            return await self._search(connection, table, namespace, query)

        return await self._read(index, read, query.vector)

    async def fetch(self, index: str, namespace: str, ids: Sequence[str]) -> dict[str, Record]:
        async def read(connection: AsyncConnection, table: Table) -> dict[str, Record]:
            return await reads.fetch(connection, table, namespace, ids)

        return await self._read(index, read)

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
        async def look(connection: AsyncConnection, table: Table) -> int:
            return await reads.count_selected(connection, table, namespace, selection)

        async def write(connection: AsyncConnection, table: Table) -> int:
            return await writes.update(connection, table, namespace, selection, values, set_metadata)

        if dry_run:
            return await self._read(index, look, values)
        return await self._write(index, write, values)

    async def delete(self, index: str, namespace: str, selection: Selection) -> None:
        async def write(connection: AsyncConnection, table: Table) -> int:
            return await writes.delete(connection, table, namespace, selection)

        await self._write(index, write)

    async def count(self, index: str, filter: Filter | None = None) -> dict[str, int]:  # noqa: A002
        async def read(connection: AsyncConnection, table: Table) -> dict[str, int]:
            return await reads.count(connection, table, filter)

        return await self._read(index, read)

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
        async def read(connection: AsyncConnection, table: Table) -> Page[Record]:
            return await reads.scan(
                connection,
                table,
                namespace,
                limit=limit,
                cursor=cursor,
                prefix=prefix,
                chosen=filter,
                include_values=include_values,
            )

        return await self._read(index, read)

    async def create_namespace(self, index: str, namespace: str) -> None:
        async def write(connection: AsyncConnection, table: Table) -> None:
            await writes.create_namespace(connection, table, namespace)

        await self._write(index, write)

    async def drop_namespace(self, index: str, namespace: str) -> None:
        async def write(connection: AsyncConnection, table: Table) -> None:
            await writes.drop_namespace(connection, table, namespace)

        await self._write(index, write)

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
        await self._connections.close()

    async def end(self, index: str) -> str:
        """Of the log that the lexical index follows."""
        return await self._read(index, log.end)

    async def since(self, index: str, place: str) -> tuple[Sequence[Change], str] | None:
        async def read(connection: AsyncConnection, table: Table) -> tuple[Sequence[Change], str] | None:
            return await log.since(connection, table, place)

        return await self._read(index, read)

    async def _read(self, index: str, work: Work[T], *vectors: Vector | None) -> T:
        return await self._on(self._connections.read, index, work, vectors)

    async def _write(self, index: str, work: Work[T], *vectors: Vector | None) -> T:
        return await self._on(self._connections.write, index, work, vectors)

    async def _on(
        self,
        run: Callable[[Callable[[AsyncConnection], Awaitable[T]]], Awaitable[T]],
        index: str,
        work: Work[T],
        vectors: Sequence[Vector | None],
    ) -> T:
        """Run work on the table of an index that takes these vectors, looked up again where the known one is gone."""

        async def once(connection: AsyncConnection) -> T:
            table = self._tables.get(index)
            if table is None or any(not _fits(vector, table) for vector in vectors):
                table = await catalog.find(connection, index)
                self._tables[index] = table
            for vector in vectors:
                if vector is not None and not _fits(vector, table):
                    raise WrongDimension(len(vector), table.info.dimension)
            try:
                return await work(connection, table)
            except (pg.UndefinedTable, pg.ForeignKeyViolation) as error:
                raise _TableGone from error

        for _ in range(2):
            try:
                return await run(once)
            except _TableGone:
                self._tables.pop(index, None)
        raise IndexNotFound(index)


def open_store(settings: Settings) -> PostgresStore:
    """Raises SystemExit, with the remedy, where no URL is set or it is none."""
    url = settings.postgres_url.get_secret_value()
    if not url:
        raise SystemExit(
            "the postgres store needs a database: set ASKMESH_VECTORDB_POSTGRES_URL=postgresql://user:password@host/name"
        )
    try:
        conninfo_to_dict(url)
    except ProgrammingError:
        # What it says may hold the password.
        raise SystemExit(
            "ASKMESH_VECTORDB_POSTGRES_URL is no connection string: postgresql://user:password@host:5432/database"
        ) from None
    return PostgresStore(
        url,
        folder=settings.data_path,
        schema=settings.postgres_schema,
        connections=settings.postgres_connections,
        queue=settings.postgres_queue,
        timeout_s=settings.postgres_timeout_s,
        exact_limit=settings.postgres_exact_limit,
        ef=settings.postgres_ef_search,
    )


def _fits(vector: Vector | None, table: Table) -> bool:
    return vector is None or len(vector) == table.info.dimension
