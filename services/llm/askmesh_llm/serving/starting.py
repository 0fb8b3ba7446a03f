"""Starts the engine, again and again where it fails: a model hub, a disk or an upstream may come back."""

import asyncio
from contextlib import suppress

from askmesh_llm.engines.base import Engine

_LONGEST_PAUSE_S = 600.0


async def start(engine: Engine, pause_s: float, closing: asyncio.Event) -> None:
    """Returns once the engine is ready or `closing` is set. The pauses double, from `pause_s` on; 0 is a single attempt."""
    await engine.start()
    while pause_s and not closing.is_set() and await engine.ready() is not None:
        with suppress(TimeoutError):
            await asyncio.wait_for(closing.wait(), pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        if not closing.is_set():
            await engine.start()
