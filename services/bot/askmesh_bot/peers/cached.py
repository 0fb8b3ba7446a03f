"""A value fetched once and kept for a while: a model's card changes only when its service is replaced."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Cached(Generic[T]):
    """`get()` fetches at most once per `keep_s` seconds; callers who wait at the same time share one fetch."""

    def __init__(self, fetch: Callable[[], Awaitable[T]], keep_s: float = 30.0) -> None:
        self._fetch, self._keep_s = fetch, keep_s
        self._lock = asyncio.Lock()
        self._kept: tuple[float, T] | None = None

    async def get(self) -> T:
        async with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] > self._keep_s:
                self._kept = None
                self._kept = (time.monotonic(), await self._fetch())
            return self._kept[1]

    def forget(self) -> None:
        """Fetch again next time."""
        self._kept = None
