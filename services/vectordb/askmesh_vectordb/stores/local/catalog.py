"""Which indexes there are, in one small SQLite file, and their open index files."""

import json
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from askmesh_vectordb.stores.base import IndexInfo, IndexNotFound, ProtectedIndex, check_same_index
from askmesh_vectordb.stores.local import schema
from askmesh_vectordb.stores.local.database import connect, migrate, transaction
from askmesh_vectordb.stores.local.index_file import IndexFile

_ORPHAN_AGE_S = 3600


class Catalog:
    """Synchronous; its methods may be called from several threads."""

    def __init__(self, folder: Path, busy_timeout_s: float, exact_limit: int) -> None:
        self._folder, self._busy_timeout_s, self._exact_limit = folder, busy_timeout_s, exact_limit
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._files: dict[str, IndexFile] = {}

    def create(self, wanted: IndexInfo) -> bool:
        """Create an index; True if it is new. Raises IndexMismatch if it exists and differs."""
        if existing := self._kept(wanted.name):
            check_same_index(existing, wanted)
            return False
        uid = f"{wanted.name}-{secrets.token_hex(6)}"
        with self._open() as connection:
            path = self._path(uid)
            IndexFile.create(path, self._busy_timeout_s)
            tags = json.dumps(dict(wanted.tags))
            row = [wanted.name, uid, wanted.dimension, wanted.metric, tags, wanted.deletion_protection]
            with transaction(connection):
                # Another process may have been first.
                if found := _find(connection, wanted.name):
                    path.unlink(missing_ok=True)
                    check_same_index(_info(found), wanted)
                    return False
                connection.execute("INSERT INTO indexes VALUES (?, ?, ?, ?, ?, ?)", row)
        return True

    def _kept(self, name: str) -> IndexInfo | None:
        """An index that exists, in the catalog and as a file."""
        try:
            with self.file(name).reading():
                return self.describe(name)
        except IndexNotFound:
            if name in self._files:
                self.forget(self._files[name])
            return None

    def describe(self, name: str) -> IndexInfo:
        with self._open() as connection:
            return _info(_existing(connection, name))

    def list(self) -> list[IndexInfo]:
        with self._open() as connection:
            return [_info(row) for row in connection.execute("SELECT * FROM indexes ORDER BY name")]

    def change(self, info: IndexInfo) -> None:
        """Write an index's tags and protection."""
        with self._open() as connection, transaction(connection):
            _existing(connection, info.name)
            connection.execute(
                "UPDATE indexes SET tags = ?, deletion_protection = ? WHERE name = ?",
                [json.dumps(dict(info.tags)), info.deletion_protection, info.name],
            )

    def drop(self, name: str) -> None:
        """Mark the file, forget the name, remove the file; a crash in between is made good by `forget`."""
        if self.describe(name).deletion_protection:
            raise ProtectedIndex(f"The index {name!r} is protected.", fix="Set deletion_protection to disabled.")
        file = self.file(name)
        file.mark_dropped()
        self.forget(file)
        file.remove()

    def opened(self, name: str) -> IndexFile | None:
        """The file of an index, if it is open."""
        return self._files.get(name)

    def file(self, name: str) -> IndexFile:
        """The open file of an index."""
        if file := self._files.get(name):
            return file
        with self._open() as connection:
            row = _existing(connection, name)
            info = _info(row)
            path = self._path(row[1])
            file = IndexFile(path, name, info.dimension, info.metric, self._busy_timeout_s, self._exact_limit)
            return self._files.setdefault(name, file)

    def forget(self, file: IndexFile) -> None:
        """Let go of a file that was dropped, here or by another process, and of its name if it still has one."""
        uid = file.path.name.partition(".index.")[0]
        with self._open() as connection:
            if self._files.get(file.name) is file:
                del self._files[file.name]
            with transaction(connection):
                connection.execute("DELETE FROM indexes WHERE uid = ?", [uid])
        file.close()

    def close(self) -> None:
        with self._lock:
            files, self._files = list(self._files.values()), {}
            if self._connection:
                self._connection.close()
                self._connection = None
        for file in files:
            file.close()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._connection is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                connection = connect(self._folder / "catalog.sqlite3", self._busy_timeout_s, create=True)
                migrate(connection, schema.CATALOG)
                self._connection = connection
                self._sweep(connection)
            yield self._connection

    def _sweep(self, connection: sqlite3.Connection) -> None:
        """Remove files that a crash between two steps of creating or dropping an index left behind."""
        known = {uid for (uid,) in connection.execute("SELECT uid FROM indexes")}
        oldest = time.time() - _ORPHAN_AGE_S
        for path in self._folder.glob("*.index.sqlite3*"):
            if path.name.partition(".index.")[0] not in known and path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)

    def _path(self, uid: str) -> Path:
        return self._folder / f"{uid}.index.sqlite3"


_Row = tuple[str, str, int, str, str, int]


def _find(connection: sqlite3.Connection, name: str) -> _Row | None:
    row: _Row | None = connection.execute("SELECT * FROM indexes WHERE name = ?", [name]).fetchone()
    return row


def _existing(connection: sqlite3.Connection, name: str) -> _Row:
    if row := _find(connection, name):
        return row
    raise IndexNotFound(name)


def _info(row: _Row) -> IndexInfo:
    name, _, dimension, metric, tags, protected = row
    return IndexInfo(name, dimension, metric, json.loads(tags), bool(protected))  # type: ignore[arg-type]
