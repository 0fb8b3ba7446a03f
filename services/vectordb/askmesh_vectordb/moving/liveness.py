"""Which worker processes live, told by locks that the kernel lets go of when a process dies."""

import fcntl
import os
import secrets
from pathlib import Path


class Liveness:
    """This process's name, and whether those of others still stand for a process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = ""
        self._file: int | None = None

    def name(self) -> str:
        """A lock on a file of that name is held for as long as this process lives."""
        if self._file is None:
            self._name = f"{os.getpid()}-{secrets.token_hex(4)}"
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path(self._name), os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
        return self._name

    def is_dead(self, name: str) -> bool:
        if name == self._name:
            return False
        try:
            file = os.open(self._path(name), os.O_RDWR)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(file)
        return True

    def forget(self, name: str) -> None:
        """Remove what a dead process left."""
        self._path(name).unlink(missing_ok=True)

    def close(self) -> None:
        if self._file is not None:
            self.forget(self._name)
            os.close(self._file)
            self._file = None

    def _path(self, name: str) -> Path:
        return self._folder / f"worker-{name}"
