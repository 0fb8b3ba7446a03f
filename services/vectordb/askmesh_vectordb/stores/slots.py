"""How many calls may be at a server at a time, and how many may wait."""

import asyncio

from askmesh_kit import context

from askmesh_vectordb.stores.base import StoreOverloaded


class Slots:
    """An asynchronous context manager; entering raises StoreOverloaded where too many wait, or for too long."""

    def __init__(self, server: str, size: int, queue: int, timeout_s: float) -> None:
        self._server, self._queue, self._timeout_s = server, queue, timeout_s
        self._free, self._waiting = asyncio.Semaphore(size), 0

    async def take(self) -> None:
        if self._free.locked() and self._waiting >= self._queue:
            raise self._overloaded()
        self._waiting += 1
        try:
            await asyncio.wait_for(self._free.acquire(), context.time_left(self._timeout_s))
        except TimeoutError:
            raise self._overloaded() from None
        finally:
            self._waiting -= 1

    def release(self) -> None:
        self._free.release()

    async def __aenter__(self) -> None:
        await self.take()

    async def __aexit__(self, *_: object) -> None:
        self.release()

    def _overloaded(self) -> StoreOverloaded:
        return StoreOverloaded(f"All connections to {self._server} are busy.", fix="Try again.", retry_after=1)
