"""Backs up the local store's files while services use them, and restores them.

A backup is one zip archive of SQLite's own online copies, with a note of what each holds.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

from askmesh_vectordb.stores.base import StoreDamaged
from askmesh_vectordb.stores.local.database import connect, translated
from askmesh_vectordb.stores.local.maintenance import CATALOG_NAME, MaintenanceError, Progress, indexes

_PAGES = 256
_NOTE = "backup.json"


class Backups:
    """Of the files of one folder."""

    def __init__(self, folder: Path, progress: Progress, busy_timeout_s: float = 10.0) -> None:
        self._folder, self._progress, self._busy_timeout_s = folder, progress, busy_timeout_s

    def backup(self, target: Path) -> int:
        """Write an archive of everything there is now; how many indexes. A copy is taken while others write."""
        if not target.parent.is_dir():
            raise MaintenanceError(f"There is no folder {target.parent}.", fix="Make it, or name another file.")
        entries: dict[str, dict[str, Any]] = {}
        fresh = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            with (
                translated(),
                tempfile.TemporaryDirectory(dir=target.parent) as scratch,
                zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
            ):
                # The catalog first: an index that is made meanwhile is then not in it, one that is dropped not needed.
                for source in [
                    self._folder / CATALOG_NAME,
                    *(path for _, path, _ in indexes(self._folder, self._busy_timeout_s)),
                ]:
                    copy = Path(scratch) / source.name
                    self._copy(source, copy)
                    entries[source.name] = {"bytes": copy.stat().st_size, "sha256": _digest(copy)}
                    archive.write(copy, source.name)
                    copy.unlink()
                archive.writestr(_NOTE, json.dumps({"format": 1, "files": entries}))
            with fresh.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(fresh, target)
        finally:
            fresh.unlink(missing_ok=True)
        return len(entries) - 1

    def restore(self, source: Path) -> int:
        """Put an archive's files into the folder, which must hold no store; how many indexes. All of them or none."""
        if (self._folder / CATALOG_NAME).exists():
            raise MaintenanceError(
                f"The folder {self._folder} holds a store already.", fix="Move it away, or name another folder."
            )
        if not source.is_file():
            raise MaintenanceError(f"There is no file {source}.", fix="Name one that `backup` wrote.")
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
            names = self._unpack(source, Path(scratch))
            # The catalog last: until it is there, there is no store.
            for name in sorted(names, key=lambda name: name == CATALOG_NAME):
                os.replace(Path(scratch) / name, self._folder / name)
        return len(names) - 1

    def _copy(self, source: Path, copy: Path) -> None:
        with closing(connect(source, self._busy_timeout_s)) as old, closing(sqlite3.connect(copy)) as new:
            old.backup(
                new,
                pages=_PAGES,
                progress=lambda _, left, total: self._progress(f"copy {source.name}", total - left, total),
            )
            # One file, complete in itself.
            new.execute("PRAGMA journal_mode = DELETE").close()
            if new.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise StoreDamaged(f"{source.name} is damaged; it was not backed up.", fix="Run check.")

    def _unpack(self, source: Path, scratch: Path) -> list[str]:
        try:
            with translated(), zipfile.ZipFile(source) as archive:
                files: dict[str, dict[str, Any]] = json.loads(archive.read(_NOTE))["files"]
                for done, (name, told) in enumerate(files.items()):
                    self._progress("restore", done, len(files))
                    if Path(name).name != name or not name.endswith(".sqlite3"):
                        raise ValueError(f"a file named {name!r}")
                    with archive.open(name) as packed, (scratch / name).open("wb") as file:
                        shutil.copyfileobj(packed, file)
                        file.flush()
                        os.fsync(file.fileno())
                    if _digest(scratch / name) != told["sha256"]:
                        raise ValueError(f"{name} differs from what was written")
                if CATALOG_NAME not in files:
                    raise ValueError("no catalog")
        except (
            zipfile.BadZipFile,
            KeyError,
            TypeError,
            AttributeError,
            ValueError,
            EOFError,
            NotImplementedError,
        ) as error:
            raise MaintenanceError(f"{source} is not a whole backup: {error}.", fix="Use another backup.") from error
        self._progress("restore", len(files), len(files))
        return list(files)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
