"""Attempts that are made again until one succeeds."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

_LONGEST_PAUSE_S = 600.0


async def until_done(attempt: Callable[[], Awaitable[bool]], pause_s: float, closing: asyncio.Event) -> None:
    """Call `attempt` until it says that it need not be called again, or `closing` is set.

    The pauses double, from `pause_s` seconds up to ten minutes; 0 is a single attempt.
    """
    while not await attempt() and pause_s:
        with suppress(TimeoutError):
            await asyncio.wait_for(closing.wait(), pause_s)
        if closing.is_set():
            return
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
