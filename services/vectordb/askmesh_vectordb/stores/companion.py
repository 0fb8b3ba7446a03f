"""A lexical index beside a store that has none: FTS5 in a small SQLite file, kept in step by its store.

A write is noted as pending before it goes out and taken in after it, so what a crash cut off is caught up from the
store at the next search. A record that the store no longer has is dropped from here when a search meets it. Records
that reach the store by another way are seen after a rebuild: delete the file.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from askmesh_vectordb.stores.base import Metadata, Record
from askmesh_vectordb.stores.local import lexical
from askmesh_vectordb.stores.local.database import connect, migrate, transaction, translated

T = TypeVar("T")
Key = tuple[str, str]

_SCHEMA = (
    """
    CREATE TABLE state (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE documents (
        row INTEGER PRIMARY KEY AUTOINCREMENT, namespace TEXT NOT NULL, id TEXT NOT NULL, UNIQUE (namespace, id)
    );
    CREATE TABLE pending (namespace TEXT, id TEXT, PRIMARY KEY (namespace, id)) WITHOUT ROWID;
    CREATE VIRTUAL TABLE lexical USING fts5(
        header, body, tokenize = "porter unicode61 remove_diacritics 2 tokenchars '_'"
    );
    """,
)


class Companion:
    """The lexical index of one index; its SQLite work runs on one thread."""

    def __init__(self, path: Path, busy_timeout_s: float = 10.0) -> None:
        self._path, self._busy_timeout_s = path, busy_timeout_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vectordb-companion")
        self._connection: sqlite3.Connection | None = None
        self._building = asyncio.Lock()

    async def expect(self, namespace: str, ids: Sequence[str]) -> None:
        """Note what is about to be written."""

        def note(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR IGNORE INTO pending VALUES (?, ?)", [(namespace, name) for name in ids])

        await self._run(note)

    async def take_in(self, namespace: str, texts: dict[str, Metadata | None]) -> None:
        """Index these records' texts, or forget those that are None; they are pending no more."""

        def write(connection: sqlite3.Connection) -> None:
            for name, metadata in texts.items():
                _forget(connection, namespace, name)
                if metadata is not None:
                    _index(connection, namespace, name, metadata)
            connection.executemany(
                "DELETE FROM pending WHERE namespace = ? AND id = ?", [(namespace, name) for name in texts]
            )

        await self._run(write)

    async def clear(self, namespace: str) -> None:
        def write(connection: sqlite3.Connection) -> None:
            for (name,) in connection.execute("SELECT id FROM documents WHERE namespace = ?", [namespace]).fetchall():
                _forget(connection, namespace, name)

        await self._run(write)

    async def search(self, namespace: str, text: str, most: int) -> list[tuple[str, float]]:
        """Ids with their BM25, best first, ties by id."""

        def read(connection: sqlite3.Connection) -> list[tuple[str, float]]:
            (documents,) = connection.execute("SELECT count(*) FROM documents").fetchone()
            name_of = "SELECT id FROM documents WHERE row = ? AND namespace = ?"
            ranked = (
                (found[0], score)
                for row, score in lexical.search(connection, text, documents)
                if (found := connection.execute(name_of, [row, namespace]).fetchone())
            )
            return sorted(islice(ranked, most), key=lambda pair: (-pair[1], pair[0]))

        return await self._run(read)

    async def pending(self) -> list[Key]:
        return await self._run(lambda connection: list(connection.execute("SELECT namespace, id FROM pending")))

    async def build(self, records: Callable[[], AsyncIterator[tuple[str, Sequence[Record]]]]) -> None:
        """Fill a new file from pages of the store's records. Does nothing where that was done before."""
        async with self._building:
            if await self._run(lambda connection: connection.execute("SELECT 1 FROM state").fetchone()):
                return
            async for namespace, page in records():
                await self._run(partial(_index_new, namespace=namespace, records=page))
            await self._run(lambda connection: connection.execute("INSERT INTO state VALUES ('built', 1)").close())

    async def close(self, *, remove: bool = False) -> None:
        """Close the file, and remove it where its index is gone."""

        def stop() -> None:
            if self._connection:
                self._connection.close()
            if remove:
                for suffix in ("", "-wal", "-shm"):
                    self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

        await asyncio.get_running_loop().run_in_executor(self._thread, stop)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def run() -> T:
            with translated():
                if self._connection is None:
                    self._path.parent.mkdir(parents=True, exist_ok=True)
                    self._connection = connect(self._path, self._busy_timeout_s, create=True)
                    migrate(self._connection, _SCHEMA)
                with transaction(self._connection):
                    return work(self._connection)

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)


def _index(connection: sqlite3.Connection, namespace: str, name: str, metadata: Metadata) -> None:
    found = connection.execute("INSERT INTO documents (namespace, id) VALUES (?, ?)", [namespace, name])
    assert found.lastrowid is not None
    lexical.add(connection, found.lastrowid, metadata)


def _index_new(connection: sqlite3.Connection, namespace: str, records: Iterable[Record]) -> None:
    """Index what is not there; what is there came by a write and is newer than the scan."""
    for record in records:
        known = "SELECT 1 FROM documents WHERE namespace = ? AND id = ?"
        if not connection.execute(known, [namespace, record.id]).fetchone():
            _index(connection, namespace, record.id, record.metadata)


def _forget(connection: sqlite3.Connection, namespace: str, name: str) -> None:
    where = "WHERE namespace = ? AND id = ?"
    found = connection.execute(f"SELECT row FROM documents {where}", [namespace, name]).fetchone()  # noqa: S608
    if found:
        lexical.remove(connection, found[0])
        connection.execute("DELETE FROM documents WHERE row = ?", found)
