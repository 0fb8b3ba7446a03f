"""Writes pass through a gate; a move closes it for the moment in which the stores change places.

A file lock, shared by the writes of every worker process, tells when the last write of an epoch is over. Two files
take turns, so that waiting for the old epoch's writes keeps no new ones waiting.
"""

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from askmesh_vectordb.moving.journal import Journal, Routing
from askmesh_vectordb.stores.base import StoreOverloaded, StoreUnavailable
from askmesh_vectordb.stores.local.database import translated

_STEP_S = 0.01
_PATIENCE_S = 20.0
"""Longest wait of a write at a closed gate; a move opens it long before."""


class Gate:
    """One for each process. `settled`: the routing where nothing was ever moved."""

    def __init__(self, folder: Path, journal: Journal, settled: Routing) -> None:
        self._folder, self._journal, self._settled = folder, journal, settled
        self._files: dict[int, int] = {}
        self._inside = [0, 0]

    def routing(self) -> Routing:
        return self._journal.routing() or self._settled

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Routing]:
        """What holds for one write, from its beginning to its end. Raises StoreOverloaded at a gate that stays shut."""
        until = time.monotonic() + _PATIENCE_S
        while True:
            before = self.routing()
            side = before.epoch % 2
            if not before.held and self._enter(side):
                now = self.routing()
                if now.epoch == before.epoch and not now.held:
                    break
                self._leave(side)
            if time.monotonic() > until:
                raise StoreOverloaded("The store is being moved.", fix="Try again.", retry_after=1)
            await asyncio.sleep(_STEP_S)
        try:
            yield now
        finally:
            self._leave(side)

    @asynccontextmanager
    async def closed(self, epoch: int, timeout_s: float) -> AsyncIterator[None]:
        """Entered when no write of that epoch is under way in any process. Raises StoreUnavailable after the time."""
        until = time.monotonic() + timeout_s
        # A description of its own: the locks of one process's two descriptions exclude each other too.
        file = self._open(epoch % 2)
        try:
            while not _locked(file, fcntl.LOCK_EX):
                if time.monotonic() > until:
                    raise StoreUnavailable("Writes are still under way.", fix="Try again.", retry_after=1)
                await asyncio.sleep(_STEP_S)
            yield
        finally:
            os.close(file)

    def close(self) -> None:
        for file in self._files.values():
            os.close(file)
        self._files.clear()

    def _enter(self, side: int) -> bool:
        if not self._inside[side]:
            if side not in self._files:
                self._files[side] = self._open(side)
            if not _locked(self._files[side], fcntl.LOCK_SH):
                return False
        self._inside[side] += 1
        return True

    def _leave(self, side: int) -> None:
        self._inside[side] -= 1
        if not self._inside[side]:
            fcntl.flock(self._files[side], fcntl.LOCK_UN)

    def _open(self, side: int) -> int:
        with translated():
            self._folder.mkdir(parents=True, exist_ok=True)
            return os.open(self._folder / f"gate-{side}", os.O_CREAT | os.O_RDWR, 0o600)


def _locked(file: int, mode: int) -> bool:
    try:
        fcntl.flock(file, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
