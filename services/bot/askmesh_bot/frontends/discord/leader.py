"""One gateway connection among the processes of a host: whoever holds the lock connects."""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path


def lock_path(state_dir: Path, token: str) -> Path:
    """The lock of one bot token; the token can't be read off its name."""
    return state_dir / f"discord-{hashlib.sha256(token.encode()).hexdigest()[:12]}.lock"


@contextlib.asynccontextmanager
async def leadership(path: Path, poll_s: float, on_wait: Callable[[], None]) -> AsyncIterator[None]:
    """Holds the lock while the block runs; until it is free, waits and calls `on_wait` once.

    The kernel frees the lock when its holder dies, however it dies. Raises OSError where the folder can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _try_lock(descriptor):
            on_wait()
            while not _try_lock(descriptor):  # noqa: ASYNC110 - the kernel tells nobody when the lock is free
                await asyncio.sleep(poll_s)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    import fcntl  # Imported here: it does not exist on Windows, where all else works.

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
