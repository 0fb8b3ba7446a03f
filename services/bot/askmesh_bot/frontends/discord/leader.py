"""One gateway connection among all processes with a token: whoever leads connects, the others stand by."""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from askmesh_bot.database.engine import Database

# Set, with a reason, when somebody else may lead from now on.
Lost = asyncio.Future[str]
# Told why there is no leading yet: nothing where somebody else leads, else what is in the way.
Waits = Callable[[str], None]


class Leader(Protocol):
    """A lock that frees itself when its holder dies, however it dies."""

    def hold(self, on_wait: Waits) -> AbstractAsyncContextManager[Lost]:
        """Leads while the block runs; waits until it can. Raises OSError where it never can."""


def new_leader(database: Database, state_dir: Path, token: str, poll_s: float) -> Leader:
    """By the database where it is one that hosts share, else by a file that the processes of a host share."""
    if database.is_postgres:
        from askmesh_bot.frontends.discord.leader_postgres import PostgresLeader

        return PostgresLeader(database, token, poll_s)
    return FileLeader(lock_path(state_dir, token), poll_s)


def lock_path(state_dir: Path, token: str) -> Path:
    """The lock of one bot token; the token can't be read off its name."""
    return state_dir / f"discord-{hashlib.sha256(token.encode()).hexdigest()[:12]}.lock"


class FileLeader:
    """A lock on a file. The kernel frees it when its holder dies."""

    def __init__(self, path: Path, poll_s: float) -> None:
        self._path, self._poll_s = path, poll_s

    @contextlib.asynccontextmanager
    async def hold(self, on_wait: Waits) -> AsyncIterator[Lost]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not _try_lock(descriptor):
                on_wait("")
                while not _try_lock(descriptor):  # noqa: ASYNC110 - the kernel tells nobody when the lock is free
                    await asyncio.sleep(self._poll_s)
            # Nothing takes it away.
            yield asyncio.get_running_loop().create_future()
        finally:
            os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    import fcntl  # Imported here: it does not exist on Windows, where all else works.

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
