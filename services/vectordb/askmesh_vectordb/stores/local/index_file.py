"""One index's file: its connections, its write transaction, and the vectors cached from it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from askmesh_vectordb.stores.base import IndexNotFound, Metric
from askmesh_vectordb.stores.local import schema
from askmesh_vectordb.stores.local.builder import Builder
from askmesh_vectordb.stores.local.cache import VectorCache
from askmesh_vectordb.stores.local.database import connect, migrate, transaction
from askmesh_vectordb.stores.local.rows import existing
from askmesh_vectordb.stores.local.snapshots import Snapshots
from askmesh_vectordb.stores.local.view import View


class IndexFile:
    """Synchronous; its methods may be called from several threads."""

    def __init__(
        self, path: Path, name: str, dimension: int, metric: Metric, busy_timeout_s: float, exact_limit: int
    ) -> None:
        self.path, self.name, self.dimension, self.metric = path, name, dimension, metric
        self._busy_timeout_s = busy_timeout_s
        self.exact_limit = exact_limit
        self._snapshots = Snapshots(path, dimension, metric)
        self._cache = VectorCache(name, self._snapshots, dimension, metric, exact_limit)
        self._builder = Builder(self._cache, self._snapshots, dimension, metric, exact_limit)
        self._idle: list[sqlite3.Connection] = []
        self._keeper: sqlite3.Connection | None = None
        self._lock = Lock()
        self._closed = False

    @staticmethod
    def create(path: Path, busy_timeout_s: float) -> None:
        """Write a new, empty file."""
        connection = connect(path, busy_timeout_s, create=True)
        try:
            migrate(connection, schema.INDEX)
        finally:
            connection.close()

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A connection for this thread alone; closed, not kept, when something failed on it."""
        with self._lock:
            if self._keeper is None and not self._closed:
                self._keeper = self._first()
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._open()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A read transaction. Raises IndexNotFound if the index was dropped, by any process."""
        with self.connection() as connection, transaction(connection, "DEFERRED"):
            self._check_kept(connection)
            yield connection

    @contextmanager
    def searching(self, namespace: str, *, wait: bool = True) -> Iterator[tuple[sqlite3.Connection, int, View | None]]:
        """A read transaction with the namespace's number and vectors as they are in it. Raises IndexNotFound likewise.
        `wait`: False for no vectors where there is something to wait for, or to do first."""
        with self.connection() as connection, self._cache.snapshot(connection, namespace, wait=wait) as (number, view):
            if view is not None and wait:
                self._builder.tend(number, view)
            elif view is not None and self._builder.is_due(view):
                view = None
            yield connection, number, view

    @property
    def is_quiet(self) -> bool:
        """Whether it is open, with a connection at hand, and no approximate index is being built."""
        return self._keeper is not None and bool(self._idle) and self._builder.idle

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: when the block ends without an error, what it wrote is on the disk."""
        with self.connection() as connection, transaction(connection):
            self._check_kept(connection)
            yield connection

    def mark_dropped(self) -> None:
        """From here on no process writes to the file or reads from it."""
        with suppress(IndexNotFound), self.writing() as connection:
            connection.execute("UPDATE state SET value = 1 WHERE key = 'dropped'")

    def remove(self) -> None:
        self.close()
        self._snapshots.remove()
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            if self._keeper:
                idle.append(self._keeper)
                self._keeper = None
        for connection in idle:
            connection.close()
        self._builder.close()

    def _open(self) -> sqlite3.Connection:
        if not self.path.exists():
            # Dropped by another process.
            raise IndexNotFound(self.name)
        return connect(self.path, self._busy_timeout_s)

    def _first(self) -> sqlite3.Connection:
        """A connection that nobody uses. While it is open, SQLite does not read the log anew, where a write would stand
        again whose fsync failed; and what is in the log as the process starts is brought into the file, for all that
        is known it has not reached the disk."""
        connection = self._open()
        try:
            migrate(connection, schema.INDEX)
            with suppress(sqlite3.OperationalError):
                connection.execute("PRAGMA wal_checkpoint").fetchone()
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_kept(self, connection: sqlite3.Connection) -> None:
        (dropped,) = existing(connection.execute("SELECT value FROM state WHERE key = 'dropped'").fetchone())
        if dropped:
            raise IndexNotFound(self.name)
