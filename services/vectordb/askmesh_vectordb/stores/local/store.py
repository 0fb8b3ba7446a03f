"""The embedded store: the asynchronous face of the files, on a bounded pool of threads."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

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
    StoreOverloaded,
    Vector,
    WrongDimension,
    merged_tags,
)
from askmesh_vectordb.stores.local import reads, writes
from askmesh_vectordb.stores.local.catalog import Catalog
from askmesh_vectordb.stores.local.database import translated
from askmesh_vectordb.stores.local.index_file import IndexFile
from askmesh_vectordb.stores.local.shortcut import Shortcut
from askmesh_vectordb.stores.local.threads import Threads

T = TypeVar("T")


class LocalStore(Store):
    """Files under one folder. Several processes may use the same folder."""

    def __init__(
        self,
        folder: Path,
        *,
        threads: int = 4,
        queue: int = 256,
        busy_timeout_s: float = 10.0,
        exact_limit: int = 20_000,
    ) -> None:
        self._exact_limit = exact_limit
        self._catalog = Catalog(folder, busy_timeout_s, exact_limit)
        self._readers = Threads(threads, "vectordb-read")
        # SQLite takes one writer at a time; a second thread would only wait for its lock.
        self._writer = Threads(1, "vectordb-write")
        self._queue, self._waiting = queue, 0
        self._shortcut = Shortcut()

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            store="local",
            durable_writes=True,
            read_your_writes=True,
            atomic_requests=True,
            lexical="native",
            search=f"exact up to {self._exact_limit} vectors of a namespace, then approximate (HNSW)",
        )

    async def ensure_index(self, wanted: IndexInfo) -> bool:
        return await self._run(self._writer, lambda: self._catalog.create(wanted))

    async def describe_index(self, name: str) -> IndexInfo:
        return await self._run(self._readers, lambda: self._catalog.describe(name))

    async def list_indexes(self) -> list[IndexInfo]:
        return await self._run(self._readers, self._catalog.list)

    async def configure_index(
        self, name: str, *, tags: Mapping[str, str] | None = None, deletion_protection: bool | None = None
    ) -> IndexInfo:
        def change() -> IndexInfo:
            info = self._catalog.describe(name)
            with self._catalog.file(name).reading() as connection:
                records = sum(reads.count(connection, None).values())
            new = replace(info, tags=merged_tags(info, tags or {}, records))
            if deletion_protection is not None:
                new = replace(new, deletion_protection=deletion_protection)
            self._catalog.change(new)
            return new

        return await self._run(self._writer, change)

    async def drop_index(self, name: str) -> None:
        await self._run(self._writer, lambda: self._catalog.drop(name))

    async def upsert(self, index: str, namespace: str, records: Sequence[Record]) -> None:
        def write(file: IndexFile) -> None:
            for record in records:
                _check_dimension(file, record.values)
            with file.writing() as connection:
                writes.upsert(connection, namespace, records)

        await self._on(self._writer, index, write)

    async def query(self, index: str, namespace: str, query: Query) -> list[Match]:
        if not self._waiting and (file := self._catalog.opened(index)):
            found = self._shortcut.query(file, namespace, query)
            if found is not None:
                await self._give_way()
                return found

        def read(file: IndexFile) -> list[Match]:
            _check_dimension(file, query.vector)
            with file.searching(namespace) as (connection, number, view):
                return reads.query(connection, number, view, file.exact_limit, query)

        return await self._on(self._readers, index, read)

    async def fetch(self, index: str, namespace: str, ids: Sequence[str]) -> dict[str, Record]:
        def read(file: IndexFile) -> dict[str, Record]:
            with file.reading() as connection:
                return reads.fetch(connection, writes.find_namespace(connection, namespace), ids)

        return await self._on(self._readers, index, read)

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
        def write(file: IndexFile) -> int:
            _check_dimension(file, values)
            with file.writing() as connection:
                return writes.update(connection, namespace, selection, values, set_metadata, dry_run)

        return await self._on(self._writer, index, write)

    async def delete(self, index: str, namespace: str, selection: Selection) -> None:
        def write(file: IndexFile) -> None:
            with file.writing() as connection:
                writes.delete(connection, namespace, selection)

        await self._on(self._writer, index, write)

    async def count(self, index: str, filter: Filter | None = None) -> dict[str, int]:  # noqa: A002
        def read(file: IndexFile) -> dict[str, int]:
            with file.reading() as connection:
                return reads.count(connection, filter)

        return await self._on(self._readers, index, read)

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
        def read(file: IndexFile) -> Page[Record]:
            with file.reading() as connection:
                return reads.scan(
                    connection,
                    writes.find_namespace(connection, namespace),
                    limit=limit,
                    cursor=cursor,
                    prefix=prefix,
                    chosen=filter,
                    include_values=include_values,
                )

        return await self._on(self._readers, index, read)

    async def create_namespace(self, index: str, namespace: str) -> None:
        def write(file: IndexFile) -> None:
            with file.writing() as connection:
                writes.create_namespace(connection, namespace)

        await self._on(self._writer, index, write)

    async def drop_namespace(self, index: str, namespace: str) -> None:
        def write(file: IndexFile) -> None:
            with file.writing() as connection:
                writes.drop_namespace(connection, namespace)

        await self._on(self._writer, index, write)

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
        def read(file: IndexFile) -> list[Match]:
            with file.searching(namespace) as (connection, number, view):
                return reads.search_text(connection, number, view, text, top_k, filter, include_metadata)

        return await self._on(self._readers, index, read)

    async def check(self) -> str | None:
        await self.list_indexes()
        return None

    async def close(self) -> None:
        def stop() -> None:
            self._writer.close()
            self._readers.close()
            self._catalog.close()

        await asyncio.to_thread(stop)

    async def _give_way(self) -> None:
        """Let others have their turn; of several that search at the same time, one does so on the event loop."""
        self._waiting += 1
        try:
            await asyncio.sleep(0)
        finally:
            self._waiting -= 1

    async def _on(self, pool: Threads, name: str, work: Callable[[IndexFile], T]) -> T:
        """Run work on an index's file. One that was dropped and made anew by another process is looked up again."""

        def run() -> T:
            file = self._catalog.file(name)
            try:
                return work(file)
            except IndexNotFound:
                self._catalog.forget(file)
            return work(self._catalog.file(name))

        return await self._run(pool, run)

    async def _run(self, pool: Threads, work: Callable[[], T]) -> T:
        if self._waiting >= self._queue:
            raise StoreOverloaded("Too many operations are waiting for the store.", fix="Try again.", retry_after=1)

        def run() -> T:
            with translated():
                return work()

        self._waiting += 1
        try:
            return await pool.run(run)
        finally:
            self._waiting -= 1


def open_store(settings: Settings) -> LocalStore:
    return LocalStore(
        settings.data_path,
        threads=settings.local_threads,
        queue=settings.local_queue,
        busy_timeout_s=settings.local_busy_timeout_s,
        exact_limit=settings.local_exact_limit,
    )


def _check_dimension(file: IndexFile, values: Vector | None) -> None:
    if values is not None and len(values) != file.dimension:
        raise WrongDimension(len(values), file.dimension)
