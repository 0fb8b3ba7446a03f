"""A lexical index beside a store that has none: FTS5 in a small SQLite file, derived from the store and disposable.

A write is noted as pending, under a ticket, before it goes out, and taken in after it. What a crash, or a connection
that broke, left pending is looked up in the store at the next search. A store may show its writes late: what it showed
is looked at once more when the lag is over, and only what it still does not have by then is forgotten. A file that is
missing or damaged is begun anew and filled by a scan.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from askmesh_vectordb.stores.base import Metadata, Record, StoreDamaged
from askmesh_vectordb.stores.local import lexical
from askmesh_vectordb.stores.local.database import connect, migrate, transaction, translated

T = TypeVar("T")
# Record id -> the number of the note that it is about to be written.
Tickets = dict[str, int]

# `pending.due` is when a search is to look the record up: at once, or when the store's lag is over.
_SCHEMA = (
    """
    CREATE TABLE state (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE documents (
        row INTEGER PRIMARY KEY AUTOINCREMENT, namespace TEXT NOT NULL, id TEXT NOT NULL, written REAL NOT NULL,
        UNIQUE (namespace, id)
    );
    CREATE TABLE pending (
        ticket INTEGER PRIMARY KEY AUTOINCREMENT, namespace TEXT NOT NULL, id TEXT NOT NULL,
        noted REAL NOT NULL, due REAL NOT NULL, contested INTEGER NOT NULL DEFAULT 0, UNIQUE (namespace, id)
    );
    CREATE VIRTUAL TABLE lexical USING fts5(
        header, body, tokenize = "porter unicode61 remove_diacritics 2 tokenchars '_'"
    );
    """,
)
_MOST_DUE = 1000
"""Records looked up before one search, at most."""


class Companion:
    """The lexical index of one index; its SQLite work runs on one thread."""

    def __init__(self, path: Path, *, lag_s: float, busy_timeout_s: float = 10.0) -> None:
        self._path, self._lag_s, self._busy_timeout_s = path, lag_s, busy_timeout_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vectordb-companion")
        self._connection: sqlite3.Connection | None = None
        self._building = asyncio.Lock()
        self._files = 0

    async def expect(self, namespace: str, ids: Iterable[str]) -> Tickets:
        """Note what is about to be written."""
        return await self._run(lambda connection: _note(connection, namespace, ids, due=time.time()))

    async def take_in(
        self, namespace: str, texts: dict[str, Metadata | None], tickets: Tickets, *, final: bool = True
    ) -> None:
        """Index these records' texts, or forget those that are None. `final`: this is what was written, not what a
        read showed, which is looked at again when the lag is over.

        Where another write was noted meanwhile, which of the two came last is for the store to say, later.
        """
        settled = time.time() + self._lag_s

        def write(connection: sqlite3.Connection) -> None:
            scanned = connection.execute("SELECT 1 FROM state WHERE key = 'settled'").fetchone()
            for name, metadata in texts.items():
                where = [namespace, name]
                find = "SELECT ticket, noted, contested FROM pending WHERE namespace = ? AND id = ?"
                ticket, noted, contested = connection.execute(find, where).fetchone() or (0, 0.0, 0)
                if ticket == tickets[name]:
                    replace_document(connection, namespace, name, metadata)
                    # A scan to come may still show what was deleted.
                    certain = final and not contested and (metadata is not None or scanned)
                    if certain or noted + self._lag_s <= time.time():
                        connection.execute("DELETE FROM pending WHERE ticket = ?", [ticket])
                    else:
                        connection.execute("UPDATE pending SET due = ? WHERE ticket = ?", [settled, ticket])
                elif final and ticket:
                    connection.execute("UPDATE pending SET contested = 1 WHERE ticket = ?", [ticket])
                elif final:
                    replace_document(connection, namespace, name, metadata)
                    _note(connection, namespace, [name], due=settled)

        await self._run(write)

    async def missed(self, namespace: str, ids: Sequence[str]) -> None:
        """The store showed nothing under these ids: forgotten, where they were not written just now."""
        before = time.time() - self._lag_s

        def write(connection: sqlite3.Connection) -> None:
            known = "SELECT 1 FROM documents WHERE namespace = ? AND id = ? AND written <= ?"
            for name in ids:
                if connection.execute(known, [namespace, name, before]).fetchone():
                    replace_document(connection, namespace, name, None)

        if ids:
            await self._run(write)

    async def clear(self, namespace: str) -> None:
        def write(connection: sqlite3.Connection) -> None:
            for (name,) in connection.execute("SELECT id FROM documents WHERE namespace = ?", [namespace]).fetchall():
                replace_document(connection, namespace, name, None)

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

    async def due(self) -> dict[str, Tickets]:
        """What is to be looked up in the store now, by namespace."""

        def read(connection: sqlite3.Connection) -> dict[str, Tickets]:
            found: dict[str, Tickets] = {}
            rows = connection.execute(
                "SELECT namespace, id, ticket FROM pending WHERE due <= ? ORDER BY due LIMIT ?",
                [time.time(), _MOST_DUE],
            )
            for namespace, name, ticket in rows:
                found.setdefault(namespace, {})[name] = ticket
            return found

        return await self._run(read)

    async def build(self, records: Callable[[], AsyncIterator[tuple[str, Sequence[Record]]]]) -> None:
        """Fill a new file from pages of the store's records; once more when the lag of what the first scan may have
        missed is over. Does nothing where that was done before."""
        async with self._building:
            began = time.time()
            state = dict(await self._run(lambda connection: list(connection.execute("SELECT key, value FROM state"))))
            if "settled" in state or ("built" in state and state["built"] + self._lag_s > began):
                return
            file = self._files
            async for namespace, page in records():
                await self._run(partial(_index_new, namespace=namespace, records=page))
            if file != self._files:
                # Begun anew under way: the next search fills it.
                return
            done = ("settled" if "built" in state or not self._lag_s else "built"), began
            await self._run(lambda connection: connection.execute("INSERT INTO state VALUES (?, ?)", done).close())

    async def close(self, *, remove: bool = False) -> None:
        """Close the file, and remove it where its index is gone."""

        def stop() -> None:
            self._let_go(remove=remove)

        await asyncio.get_running_loop().run_in_executor(self._thread, stop)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def attempt() -> T:
            with translated():
                if self._connection and not self._path.exists():
                    self._let_go(remove=True)
                if self._connection is None:
                    self._path.parent.mkdir(parents=True, exist_ok=True)
                    self._connection = connect(self._path, self._busy_timeout_s, create=True)
                    migrate(self._connection, _SCHEMA)
                with transaction(self._connection):
                    return work(self._connection)

        def run() -> T:
            try:
                return attempt()
            except StoreDamaged:
                # Nothing is lost with it: it is derived from the store.
                self._let_go(remove=True)
                return attempt()

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)

    def _let_go(self, *, remove: bool) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None
        if remove:
            self._files += 1
            for suffix in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)


def _note(connection: sqlite3.Connection, namespace: str, ids: Iterable[str], due: float) -> Tickets:
    tickets: Tickets = {}
    for name in ids:
        note = "INSERT OR REPLACE INTO pending (namespace, id, noted, due) VALUES (?, ?, ?, ?)"
        ticket = connection.execute(note, [namespace, name, time.time(), due]).lastrowid
        assert ticket is not None
        tickets[name] = ticket
    return tickets


def replace_document(connection: sqlite3.Connection, namespace: str, name: str, metadata: Metadata | None) -> None:
    """Index a record's text anew, or forget it where there is no metadata."""
    where = "WHERE namespace = ? AND id = ?"
    found = connection.execute(f"SELECT row FROM documents {where}", [namespace, name]).fetchone()  # noqa: S608
    if found:
        lexical.remove(connection, found[0])
        connection.execute("DELETE FROM documents WHERE row = ?", found)
    if metadata is not None:
        insert = "INSERT INTO documents (namespace, id, written) VALUES (?, ?, ?)"
        row = connection.execute(insert, [namespace, name, time.time()]).lastrowid
        assert row is not None
        lexical.add(connection, row, metadata)


def _index_new(connection: sqlite3.Connection, namespace: str, records: Iterable[Record]) -> None:
    """Index what is not there; what is there, or was deleted just now, came by a write and is newer than the scan."""
    for record in records:
        where = "WHERE namespace = :namespace AND id = :id"
        known = f"SELECT 1 FROM documents {where} UNION ALL SELECT 1 FROM pending {where}"  # noqa: S608
        if not connection.execute(known, {"namespace": namespace, "id": record.id}).fetchone():
            replace_document(connection, namespace, record.id, record.metadata)
