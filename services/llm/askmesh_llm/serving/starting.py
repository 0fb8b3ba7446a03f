"""Starts the engine, again and again where it fails: a model hub, a disk or an upstream may come back."""

import asyncio

from askmesh_kit.logs import get_logger
from askmesh_kit.retrying import until_done

from askmesh_llm.engines.base import Engine

log = get_logger("askmesh.llm")


class Starter:
    """Brings one engine up. The pauses between attempts double, from `pause_s` on; 0 is a single attempt."""

    def __init__(self, engine: Engine, pause_s: float) -> None:
        self._engine, self._pause_s = engine, pause_s
        self._failure: str | None = None
        self._closing = asyncio.Event()

    async def run(self) -> None:
        """Returns once the engine is ready, another attempt can't help or `stop` was called."""
        await until_done(self._attempt, self._pause_s, self._closing)

    async def ready(self) -> str | None:
        """None when requests can be answered, else the reason why not."""
        return self._failure or await self._engine.ready()

    def stop(self) -> None:
        """No attempt begins after this."""
        self._closing.set()

    async def _attempt(self) -> bool:
        try:
            await self._engine.start()
            self._failure = None
        except Exception as error:
            # An engine of one's own, perhaps; ours tell of failures by `ready`.
            self._failure = f"it could not be started: {error}"
            log.error("engine_not_started", exc_info=error)
        return self._engine.hopeless or await self.ready() is None
