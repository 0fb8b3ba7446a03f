"""The state of a live move and the log of what it has yet to carry over, in one SQLite file that all workers share.

Before a write goes to the primary store, the ids it may change are marked under the number of the operation; when it
is over, the operation is ended. What is marked is carried over by reading it from the primary again, so a mark that
was carried over twice, or of a write that never happened, does no harm. A mark goes only with the operations that were
over when its record was read.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from askmesh_vectordb.moving.liveness import Liveness
from askmesh_vectordb.stores.local.database import connect, migrate, transaction, translated

T = TypeVar("T")
Kind = Literal["record", "sweep", "index"]

_SCHEMA = (
    """
    CREATE TABLE routing (
        one INTEGER PRIMARY KEY CHECK (one = 1), home TEXT NOT NULL, primary_store TEXT NOT NULL,
        secondary_store TEXT NOT NULL, journaling INTEGER NOT NULL, epoch INTEGER NOT NULL, held_until REAL NOT NULL,
        marked INTEGER NOT NULL
    );
    CREATE TABLE moves (
        id TEXT PRIMARY KEY, origin TEXT NOT NULL, target TEXT NOT NULL, phase TEXT NOT NULL, created REAL NOT NULL,
        updated REAL NOT NULL, error TEXT, progress TEXT NOT NULL, wanted TEXT, answer TEXT
    );
    CREATE TABLE operations (
        op INTEGER PRIMARY KEY AUTOINCREMENT, worker TEXT NOT NULL, noted REAL NOT NULL, ended REAL, due REAL NOT NULL
    );
    CREATE TABLE marks (
        op INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, namespace TEXT NOT NULL, id TEXT NOT NULL
    );
    CREATE INDEX marks_by_record ON marks (kind, name, namespace, id, op);
    CREATE INDEX marks_by_operation ON marks (op);
    """,
)
_DEAD_SETTLE_S = 2.0
"""How long a store may go on with an operation whose process is gone."""


@dataclass(frozen=True, slots=True)
class Routing:
    """Which store is asked, and which one follows it; `journaling`: whether writes are marked for the second."""

    home: str
    primary: str
    secondary: str = ""
    journaling: bool = False
    epoch: int = 0
    held_until: float = 0.0
    marked: int = 0

    @property
    def held(self) -> bool:
        return time.time() < self.held_until


@dataclass(frozen=True, slots=True)
class Mark:
    """What a write may change: a record; the records of a namespace that satisfy a filter (its JSON, or "") at the
    second store; or an index itself ("swept" as `id` where its records are gone too)."""

    kind: Kind
    index: str
    namespace: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Due:
    """A mark whose operations are over; `upto` is the last of them."""

    mark: Mark
    upto: int


class Journal:
    """SQLite work that writes runs on one thread. `limit`: marks kept at most."""

    def __init__(self, folder: Path, *, limit: int, busy_timeout_s: float = 10.0) -> None:
        self.folder, self._limit, self._busy_timeout_s = folder, limit, busy_timeout_s
        self._path = folder / "journal.sqlite3"
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vectordb-moves")
        self._reading: sqlite3.Connection | None = None
        self._durable: sqlite3.Connection | None = None
        self._quick: sqlite3.Connection | None = None
        self._liveness = Liveness(folder)

    def routing(self) -> Routing | None:
        """What holds now; None where nothing was ever moved. Fast enough to be asked before every operation."""
        if self._reading is None:
            if not self._path.exists():
                return None
            with translated():
                self._reading = self._connect()
        with translated():
            row = self._reading.execute("SELECT * FROM routing").fetchone()
        return _routing(row) if row else None

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something in one durable transaction."""

        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work)

    def run_now(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The same, where there is no event loop yet."""
        return self._thread.submit(self._transact, work).result()

    async def note(self, marks: Sequence[Mark]) -> int | None:
        """Mark what is about to be written; the operation's number. None where nothing is marked any more: past the
        limit the log is given up, and the move begins its backfill again."""
        worker = self._liveness.name()

        def write(connection: sqlite3.Connection) -> int | None:
            now = _routing(connection.execute("SELECT * FROM routing").fetchone())
            if not now.journaling:
                return None
            if now.marked + len(marks) > self._limit:
                give_up_log(connection)
                return None
            op = connection.execute(
                "INSERT INTO operations (worker, noted, due) VALUES (?, ?, 0)", [worker, time.time()]
            ).lastrowid
            assert op is not None
            _insert_marks(connection, op, marks)
            return op

        return await self.run(write)

    async def end(self, op: int, settle_s: float) -> None:
        """The operation is over; reads of the primary show it in `settle_s` seconds. Need not survive a power cut."""

        def write() -> None:
            with translated():
                if self._quick is None:
                    self._quick = self._connect()
                    self._quick.execute("PRAGMA synchronous = NORMAL")
                now = time.time()
                self._quick.execute(
                    "UPDATE operations SET ended = ?, due = ? WHERE op = ?", [now, now + settle_s, op]
                ).close()

        await asyncio.get_running_loop().run_in_executor(self._thread, write)

    async def mark_again(self, marks: Sequence[Mark]) -> None:
        """Mark what is to be read again, by no operation."""

        def write(connection: sqlite3.Connection) -> None:
            now = time.time()
            op = connection.execute(
                "INSERT INTO operations (worker, noted, ended, due) VALUES ('', ?, ?, ?)", [now, now, now]
            ).lastrowid
            assert op is not None
            _insert_marks(connection, op, marks)

        await self.run(write)

    async def due(self, kind: Kind, most: int) -> list[Due]:
        """Marks whose operations are all over and settled."""

        def read(connection: sqlite3.Connection) -> list[Due]:
            rows = connection.execute(
                "SELECT name, namespace, id, max(op) FROM marks JOIN operations USING (op) WHERE kind = ? "
                "GROUP BY name, namespace, id HAVING count(ended) = count(*) AND max(due) <= ? LIMIT ?",
                [kind, time.time(), most],
            ).fetchall()
            return [Due(Mark(kind, name, namespace, id_), upto) for name, namespace, id_, upto in rows]

        return await self.run(read)

    async def clear(self, done: Iterable[Due]) -> None:
        def write(connection: sqlite3.Connection) -> None:
            removed = 0
            for due in done:
                mark = due.mark
                removed += connection.execute(
                    "DELETE FROM marks WHERE kind = ? AND name = ? AND namespace = ? AND id = ? AND op <= ?",
                    [mark.kind, mark.index, mark.namespace, mark.id, due.upto],
                ).rowcount
            connection.execute("UPDATE routing SET marked = marked - ?", [removed])

        await self.run(write)

    async def postpone(self, done: Iterable[Due], seconds: float) -> None:
        """Look at these later: they cannot be carried over now."""

        def write(connection: sqlite3.Connection) -> None:
            until = time.time() + seconds
            for due in done:
                connection.execute("UPDATE operations SET due = max(due, ?) WHERE op = ?", [until, due.upto])

        await self.run(write)

    async def marked(self, index: str, namespace: str, ids: Iterable[str]) -> set[str]:
        """Which of these records have marks, or may be changed by a sweep that is marked."""

        def read(connection: sqlite3.Connection) -> set[str]:
            sweeps = "SELECT 1 FROM marks WHERE name = ? AND (kind = 'index' OR kind = 'sweep' AND namespace = ?)"
            if connection.execute(sweeps, [index, namespace]).fetchone():
                return set(ids)
            one = "SELECT 1 FROM marks WHERE kind = 'record' AND name = ? AND namespace = ? AND id = ?"
            return {name for name in ids if connection.execute(one, [index, namespace, name]).fetchone()}

        return await self.run(read)

    async def tidy(self) -> None:
        """Forget operations without marks, and end those of processes that are gone."""
        dead = [worker for worker in await self.run(_open_workers) if self._liveness.is_dead(worker)]

        def write(connection: sqlite3.Connection) -> None:
            now = time.time()
            for worker in dead:
                connection.execute(
                    "UPDATE operations SET ended = ?, due = ? WHERE worker = ? AND ended IS NULL",
                    [now, now + _DEAD_SETTLE_S, worker],
                )
            connection.execute("DELETE FROM operations WHERE ended IS NOT NULL AND op NOT IN (SELECT op FROM marks)")

        await self.run(write)
        for worker in dead:
            self._liveness.forget(worker)

    async def close(self) -> None:
        def stop() -> None:
            for connection in (self._durable, self._quick):
                if connection:
                    connection.close()

        await asyncio.get_running_loop().run_in_executor(self._thread, stop)
        self._thread.shutdown()
        if self._reading:
            self._reading.close()
        self._liveness.close()

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with translated():
            if self._durable is None:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._durable = self._connect(create=True)
            with transaction(self._durable):
                return work(self._durable)

    def _connect(self, *, create: bool = False) -> sqlite3.Connection:
        connection = connect(self._path, self._busy_timeout_s, create=create)
        migrate(connection, _SCHEMA)
        return connection


def give_up_log(connection: sqlite3.Connection) -> None:
    """Stop marking, forget what is marked; the second store is then behind, and is to be filled from the start."""
    connection.execute("DELETE FROM marks")
    connection.execute("DELETE FROM operations")
    connection.execute("UPDATE routing SET journaling = 0, marked = 0")


def set_routing(connection: sqlite3.Connection, **changes: Any) -> None:
    names = {"primary": "primary_store", "secondary": "secondary_store"}
    columns = ", ".join(f"{names.get(name, name)} = ?" for name in changes)
    connection.execute(f"UPDATE routing SET {columns}", list(changes.values()))  # noqa: S608


def _routing(row: tuple[Any, ...]) -> Routing:
    _, home, primary, secondary, journaling, epoch, held_until, marked = row
    return Routing(home, primary, secondary, bool(journaling), epoch, held_until, marked)


def _insert_marks(connection: sqlite3.Connection, op: int, marks: Sequence[Mark]) -> None:
    rows = [[op, mark.kind, mark.index, mark.namespace, mark.id] for mark in marks]
    connection.executemany("INSERT INTO marks VALUES (?, ?, ?, ?, ?)", rows)
    connection.execute("UPDATE routing SET marked = marked + ?", [len(rows)])


def _open_workers(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT DISTINCT worker FROM operations WHERE ended IS NULL")
    return [worker for (worker,) in rows]
