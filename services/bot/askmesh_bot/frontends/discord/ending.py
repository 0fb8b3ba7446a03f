"""Ending tasks for certain."""

import asyncio
from typing import Any


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel `tasks` until each has ended; what they raise is dropped.

    Once is not enough: Python 3.11's `asyncio.wait_for`, in which discord.py connects, loses a cancellation that
    arrives together with its result.
    """
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=0.5)
    await asyncio.gather(*tasks, return_exceptions=True)
