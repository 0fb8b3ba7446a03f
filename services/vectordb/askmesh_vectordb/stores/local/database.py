"""SQLite connections as the store wants them: durable, migrated, with their errors translated."""

import errno
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from askmesh_vectordb.stores.base import OutcomeUnknown, StorageFull, StoreDamaged, StoreUnavailable

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_UNSAFE = {sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC}


@contextmanager
def translated() -> Iterator[None]:
    """Turn SQLite's and the file system's errors into the store's own."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL or getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_WRITE:
            # A quota or a limit on the size of files is told as a failed write.
            raise StorageFull("The disk is full; nothing was written.", fix="Free some space and try again.") from error
        if getattr(error, "sqlite_errorcode", 0) in _UNSAFE:
            raise OutcomeUnknown(
                "The disk failed when a write was to be made safe.", fix="Check the disk; the write can be repeated."
            ) from error
        if code in _DAMAGED:
            raise StoreDamaged(f"A store file is damaged: {error}.", fix="Restore it from a backup.") from error
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise StoreUnavailable("Another process is writing.", fix="Try again.", retry_after=1) from error
        raise StoreUnavailable(
            f"The store's files cannot be used: {error}.", fix="Check the folder's permissions and the disk."
        ) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull("The disk is full; nothing was written.", fix="Free some space and try again.") from error
        raise StoreUnavailable(
            f"The store's folder cannot be used: {error.strerror}.", fix="Check its permissions and the disk."
        ) from error


def connect(path: Path, busy_timeout_s: float, *, create: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode: transactions are begun and ended in words, by `transaction`.

    A commit returns only when the write-ahead log has reached the disk (synchronous=FULL).
    """
    uri = f"{path.resolve().as_uri()}?mode={'rwc' if create else 'rw'}"
    connection = sqlite3.connect(uri, uri=True, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA cache_size = -4000")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection, mode: str = "IMMEDIATE") -> Iterator[sqlite3.Connection]:
    """BEGIN … COMMIT, or ROLLBACK when the body fails: all of it or none."""
    connection.execute(f"BEGIN {mode}")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        # After some failures, a full disk for one, SQLite has rolled back by itself.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def migrate(connection: sqlite3.Connection, migrations: Sequence[str]) -> None:
    """Bring a file to the newest schema. Raises StoreDamaged for a file that a newer version wrote."""
    with transaction(connection):
        connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY)")
        (version,) = connection.execute("SELECT coalesce(max(version), 0) FROM schema_version").fetchone()
        if version > len(migrations):
            raise StoreDamaged(
                f"A store file has schema {version}; this version knows {len(migrations)}.",
                fix="Run the newer version that wrote it.",
            )
        for number, script in enumerate(migrations[version:], start=version + 1):
            for statement in _statements(script):
                connection.execute(statement)
            connection.execute("INSERT INTO schema_version VALUES (?)", [number])


def _statements(script: str) -> Iterator[str]:
    """The script's statements one by one: `executescript` would commit the transaction around it."""
    statement = ""
    for part in script.split(";"):
        statement += part + ";"
        if sqlite3.complete_statement(statement):
            if statement.strip(" \n;"):
                yield statement
            statement = ""
