"""How many calls may be at a server at a time, and how many may wait."""

import asyncio

from askmesh_kit import context

from askmesh_vectordb.stores.base import StoreOverloaded


class Slots:
    """An asynchronous context manager; entering raises StoreOverloaded where too many wait, or for too long."""

    def __init__(self, server: str, size: int, queue: int, timeout_s: float) -> None:
        self._server, self._most, self._timeout_s = server, size + queue, timeout_s
        # Those at the server and those that wait.
        self._free, self._inside = asyncio.Semaphore(size), 0

    async def take(self) -> None:
        if self._inside >= self._most:
            raise self._overloaded()
        self._inside += 1
        try:
            async with asyncio.timeout(context.time_left(self._timeout_s)):
                await self._free.acquire()
        except BaseException as error:
            self._inside -= 1
            if isinstance(error, TimeoutError):
                raise self._overloaded() from None
            raise

    def release(self) -> None:
        self._inside -= 1
        self._free.release()

    async def __aenter__(self) -> None:
        await self.take()

    async def __aexit__(self, *_: object) -> None:
        self.release()

    def _overloaded(self) -> StoreOverloaded:
        return StoreOverloaded(f"All connections to {self._server} are busy.", fix="Try again.", retry_after=1)
