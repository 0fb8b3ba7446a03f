"""Failures that pass are waited for; repeating is safe, for writes are idempotent."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from askmesh_vectordb.stores.base import StoreError

T = TypeVar("T")
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 10.0


async def retried(work: Callable[[], Awaitable[T]], attempts: int = 6) -> T:
    """The result of the first attempt that succeeds. Raises what the last one raised."""
    for attempt in range(attempts - 1):
        try:
            return await work()
        except StoreError as error:
            if not error.retryable:
                raise
            await asyncio.sleep(max(error.retry_after or 0.0, min(_FIRST_WAIT_S * 2**attempt, _LONGEST_WAIT_S)))
    return await work()
