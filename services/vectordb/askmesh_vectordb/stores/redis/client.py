"""Calls to the server: bounded in number and in time, with Redis's failures translated."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import redis.asyncio
from askmesh_kit import context
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from askmesh_vectordb.stores.base import StoreError
from askmesh_vectordb.stores.redis.errors import translated
from askmesh_vectordb.stores.slots import Slots

T = TypeVar("T")
Command = Sequence[Any]

_FACTS_FOR_S = 10.0
"""How long what the server said about its settings is believed."""


class Server:
    """`durable`: whether a write that was acknowledged is on the disk; False until the server was asked."""

    def __init__(self, url: str, *, connections: int, queue: int, timeout_s: float) -> None:
        # The client's own repeats would apply a write twice without saying so.
        self.client: redis.asyncio.Redis = redis.asyncio.Redis.from_url(
            url,
            max_connections=connections + 1,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
            decode_responses=False,
            protocol=2,
        )
        self._slots, self._timeout_s = Slots("Redis", connections, queue, timeout_s), timeout_s
        self._asked = float("-inf")
        self.durable = False

    async def ask(self, *command: Any) -> Any:
        """Run one command that reads."""
        return await self._bounded(lambda: self.client.execute_command(*command))  # type: ignore[no-untyped-call]

    async def ask_all(self, commands: Sequence[Command], *, together: bool = False) -> list[Any]:
        """Run commands that read in one round trip; `together`: at one moment."""

        async def run() -> list[Any]:
            async with self.client.pipeline(transaction=together) as pipeline:
                for command in commands:
                    pipeline.execute_command(*command)
                return await pipeline.execute()

        return await self._bounded(run) if commands else []

    async def script(self, source: str, keys: Sequence[str], arguments: Sequence[str | bytes]) -> Any:
        """Run a script that writes."""
        script = self.client.register_script(source)
        return await self._bounded(lambda: script(keys=list(keys), args=list(arguments)), writes=True)

    async def close(self) -> None:
        await self.client.aclose()

    async def _bounded(self, run: Callable[[], Awaitable[T]], *, writes: bool = False) -> T:
        async with self._slots:
            with translated(writes=writes):
                async with asyncio.timeout(context.time_left(self._timeout_s)):
                    return await run()

    async def look_at_settings(self) -> None:
        """Learn what the server promises, if that is not known of late."""
        if time.monotonic() - self._asked >= _FACTS_FOR_S:
            self.durable = await self._is_durable()
            self._asked = time.monotonic()

    async def _is_durable(self) -> bool:
        """Only where each write waits for the disk, and none is thrown out when memory runs short."""

        try:
            said = await self.ask("CONFIG GET", "appendonly", "appendfsync", "maxmemory", "maxmemory-policy")
        except StoreError:
            # A hosted Redis may hide its settings: what is not known is not promised.
            return False
        kept = said.get("maxmemory") == "0" or said.get("maxmemory-policy") == "noeviction"
        return bool(kept and said.get("appendonly") == "yes" and said.get("appendfsync") == "always")
