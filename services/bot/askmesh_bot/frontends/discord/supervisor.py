"""Keeps a client connected: a fresh one after every failure, with growing pauses, until a failure only people mend."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import discord
from askmesh_kit.logs import get_logger

from askmesh_bot.frontends.discord.backoff import Backoff
from askmesh_bot.frontends.discord.client import AskmeshClient
from askmesh_bot.frontends.discord.ending import end
from askmesh_bot.frontends.discord.rest import bounded
from askmesh_bot.frontends.discord.settings import DiscordSettings
from askmesh_bot.frontends.discord.status import State, Status
from askmesh_bot.frontends.discord.tracker import Tracker
from askmesh_bot.frontends.discord.watchdog import watch

log = get_logger("askmesh.discord.supervisor")

_REFUSED = "Copy the token from the Bot page of Discord's developer portal into ASKMESH_DISCORD_TOKEN, and restart."
_ALLOW_CONTENT = (
    "Switch on the message content intent on the Bot page of Discord's developer portal, or set"
    " ASKMESH_DISCORD_MESSAGE_CONTENT=false, and restart."
)
# Discord wants more connections for a bot in so many servers.
_SHARD = 4011
_REPORT = "Update askmesh; if that does not help, report it."
# Close codes that no new attempt can mend, with what happened and the remedy.
FATAL: dict[int, tuple[str, str]] = {
    4004: ("Discord refused the bot's token.", _REFUSED),
    4010: ("Discord refused the shard.", _REPORT),
    4012: ("Discord no longer speaks this version of its API.", _REPORT),
    4013: ("Discord does not know the intents that were asked for.", _REPORT),
    4014: ("Discord does not allow this bot to read message content.", _ALLOW_CONTENT),
}
_RETIREMENT_S = 120.0
# A gateway that is gone does not answer the close handshake.
_CLOSING_S = 3.0

# What runs beside each client, until it is cancelled.
Companion = Callable[[AskmeshClient, Status], Coroutine[Any, Any, None]]


class GaveUp(Exception):
    """A client is alive but no longer serves."""


class Supervisor:
    """Runs clients one after another. `run` returns only when the state is `failed`.

    `new_client` is told whether the client is to be sharded: it is once Discord asked for it.
    """

    def __init__(
        self,
        new_client: Callable[[bool], AskmeshClient],
        companions: Sequence[Companion],
        token: str,
        settings: DiscordSettings,
        status: Status,
        tracker: Tracker,
    ) -> None:
        self._new_client, self._companions = new_client, companions
        self._token, self._settings = token, settings
        self._status, self._tracker = status, tracker
        self._retiring: set[asyncio.Task[None]] = set()
        self._sharded = False

    async def run(self) -> None:
        backoff = Backoff(self._settings.backoff_s, self._settings.backoff_limit_s)
        while True:
            self._status.enter(State.CONNECTING)
            client = self._new_client(self._sharded)
            error = await self._run_client(client)
            if fatal := _fatal(error):
                self._status.enter(State.FAILED, *fatal)
                log.error("failed", reason=fatal[0], fix=fatal[1])
                return
            if isinstance(error, discord.ConnectionClosed) and error.code == _SHARD and not self._sharded:
                log.warning("sharding_begins")
                self._sharded = True
                continue
            self._status.restarts += 1
            self._status.last_error = f"{type(error).__name__}: {error}"
            self._status.enter(State.RECONNECTING)
            wait = backoff.next(worked=client.worked)
            log.warning("connection_lost", error=self._status.last_error, next_try_s=round(wait, 2))
            await asyncio.sleep(wait)

    async def close(self) -> None:
        """Wait for clients that are still closing; none keeps its connections."""
        if self._retiring:
            _, late = await asyncio.wait(set(self._retiring), timeout=5)
            await end(*late)

    async def _run_client(self, client: AskmeshClient) -> BaseException:
        """One client's life, and what ended it."""
        running = asyncio.create_task(client.start(self._token))
        watching = asyncio.create_task(watch(client, self._settings, self._status))
        tasks = [running, watching, *(asyncio.create_task(run(client, self._status)) for run in self._companions)]
        try:
            ending: set[asyncio.Future[Any]] = {*tasks, client.gave_up}
            await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
            error = _ended_by(client, *tasks)
            await self._end(client, *tasks)
        except asyncio.CancelledError:
            await self._end(client, *tasks)
            with contextlib.suppress(Exception):
                await bounded(client.dispose(), _CLOSING_S)
            raise
        # Answers in flight finish with the old client's HTTP session while the next one connects.
        retirement = asyncio.create_task(self._retire(client))
        self._retiring.add(retirement)
        retirement.add_done_callback(self._retiring.discard)
        return error

    async def _end(self, client: AskmeshClient, *tasks: asyncio.Task[None]) -> None:
        await end(*tasks)
        with contextlib.suppress(Exception):
            await bounded(client.close(), _CLOSING_S)

    async def _retire(self, client: AskmeshClient) -> None:
        try:
            await self._tracker.drain(_RETIREMENT_S, self._tracker.everything())
        finally:
            with contextlib.suppress(Exception):
                await bounded(client.dispose(), _CLOSING_S)


def _ended_by(client: AskmeshClient, *tasks: asyncio.Task[None]) -> BaseException:
    if client.gave_up.done():
        return GaveUp(client.gave_up.result())
    for task in tasks:
        if task.done():
            return task.exception() or GaveUp("the connection was closed")
    return GaveUp("the connection ended")


def _fatal(error: BaseException) -> tuple[str, str] | None:
    if isinstance(error, discord.LoginFailure):
        return FATAL[4004]
    if isinstance(error, discord.PrivilegedIntentsRequired):
        return FATAL[4014]
    if isinstance(error, discord.ConnectionClosed):
        return FATAL.get(error.code)
    return None
