"""Bounds the answers written at once: more wait a little, more than that are turned away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from askmesh_kit.errors import Overloaded


class Admission:
    """`running` at once; up to `waiting` wait, at most `wait_s` seconds each."""

    def __init__(self, running: int, waiting: int, wait_s: float) -> None:
        self._free = asyncio.Semaphore(running)
        self._may_wait, self._wait_s = waiting, wait_s
        self._waiting = 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """A turn. Raises Overloaded when there is none in time."""
        await self._acquire()
        try:
            yield
        finally:
            self._free.release()

    async def _acquire(self) -> None:
        if self._free.locked() and self._waiting >= self._may_wait:
            raise _overloaded(self._wait_s)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_s if self._free.locked() else None):
                await self._free.acquire()
        except TimeoutError:
            raise _overloaded(self._wait_s) from None
        finally:
            self._waiting -= 1


def _overloaded(wait_s: float) -> Overloaded:
    return Overloaded(
        "Too many questions are being answered at once.", fix="Ask again in a moment.", retry_after=max(1.0, wait_s)
    )
