"""Stops all calls of Discord's API while it, or Cloudflare in front of it, refuses this address altogether.

One per process: it is the address that is refused, whichever client calls. discord.py waits out the rate limits that
Discord itself tells; what Cloudflare says (429 without a `Via` header, error 1015, a page instead of JSON) it only raises.
"""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import discord
from askmesh_kit.logs import get_logger
from discord.webhook.async_ import AsyncWebhookAdapter, async_context

log = get_logger("askmesh.discord.pause")

# Where it is not said how long, and the longest that is believed, in seconds.
_UNTOLD_S, _LONGEST_S = 60.0, 3600.0
# Discord bans an address that gets 10,000 of 401, 403 and 429 in ten minutes; half of it is left to others.
_REFUSED, _MOST_REFUSED, _WINDOW_S = frozenset({401, 403, 429}), 5_000, 600.0


class Pause:
    """Every call waits for `over`, and what it raises is told to `heed`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._until = clock, 0.0
        self._window, self._refused = 0.0, 0

    @property
    def left_s(self) -> float:
        """Seconds until calls go out again; 0 where they do."""
        return max(0.0, self._until - self._clock())

    async def over(self) -> None:
        """Wait until calls may go out."""
        while left := self.left_s:  # noqa: ASYNC110 - a pause may be prolonged meanwhile
            await asyncio.sleep(left)

    def begin(self, seconds: float, why: str) -> None:
        until = self._clock() + min(seconds, _LONGEST_S)
        if until > self._until:
            self._until = until
            log.error("calls_paused", seconds=round(seconds), reason=why)

    def end(self) -> None:
        self._until, self._refused = 0.0, 0

    def heed(self, error: discord.HTTPException) -> None:
        """Learn from what a call raised."""
        headers = getattr(error.response, "headers", {})
        if error.status == 429 and _from_cloudflare(headers):
            self.begin(_seconds(headers), "Cloudflare refuses this address (429)")
        if error.status in _REFUSED:
            self._count()

    def guarded(self, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """`call`, made only while nothing is paused. What the network does to it becomes an OSError."""

        async def guarded(*args: Any, **options: Any) -> Any:
            await self.over()
            try:
                return await call(*args, **options)
            except discord.HTTPException as error:
                self.heed(error)
                raise
            except aiohttp.ClientError as error:
                # Only some of aiohttp's are OSErrors; a server that hung up in the middle is not.
                raise ConnectionError(f"{type(error).__name__}: {error}") from error

        return guarded

    def _count(self) -> None:
        now = self._clock()
        if now - self._window > _WINDOW_S:
            self._window, self._refused = now, 0
        self._refused += 1
        if self._refused >= _MOST_REFUSED:
            self.begin(_WINDOW_S - (now - self._window), f"{self._refused} calls were refused in ten minutes")


PAUSE = Pause()


class _Timed:
    """A session whose requests end in time."""

    def __init__(self, session: aiohttp.ClientSession, timeout: aiohttp.ClientTimeout) -> None:
        self._session, self._timeout = session, timeout

    def request(self, *args: Any, **options: Any) -> Any:
        return self._session.request(*args, timeout=self._timeout, **options)


class _GuardedAdapter(AsyncWebhookAdapter):
    """discord.py's way to call what interactions and webhooks need."""

    def __init__(self, timeout: aiohttp.ClientTimeout) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._timeout = timeout

    async def request(self, route: Any, session: Any, **options: Any) -> Any:
        return await PAUSE.guarded(super().request)(route, _Timed(session, self._timeout), **options)


def guard_calls(client: discord.Client, deadline_s: float) -> None:
    """Make a client's calls wait for pauses and end in time: its own, and those for interactions in tasks that begin
    after this one. A call that hangs keeps all that share its rate limit waiting, for five minutes by itself."""
    timeout = aiohttp.ClientTimeout(total=deadline_s)
    request = functools.partial(client.http.request, timeout=timeout)
    client.http.request = PAUSE.guarded(request)  # type: ignore[method-assign,assignment]
    async_context.set(_GuardedAdapter(timeout))


def _from_cloudflare(headers: Mapping[str, str]) -> bool:
    return not headers.get("Via") or "json" not in headers.get("Content-Type", "")


def _seconds(headers: Mapping[str, str]) -> float:
    try:
        return max(1.0, float(headers.get("Retry-After", _UNTOLD_S)))
    except ValueError:
        return _UNTOLD_S
