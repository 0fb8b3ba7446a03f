"""What people see beside the bot's name: that it is ready, or which of its services is away."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import discord
from askmesh_kit.logs import get_logger

from askmesh_bot.frontends.discord.client import AskmeshClient
from askmesh_bot.frontends.discord.status import State, Status

log = get_logger("askmesh.discord.presence")

Check = Callable[[], Awaitable[str | None]]
_READY = "/ask · answers with sources"
_CHECK_S = 5.0


class Presence:
    """Keeps the presence of the client it runs for in step with the `checks` of the bot's services."""

    def __init__(self, checks: Mapping[str, Check], every_s: float) -> None:
        self._checks, self._every_s = dict(checks), every_s

    async def run(self, client: AskmeshClient, status: Status) -> None:
        """Looks at every interval and tells Discord what changed. Runs until cancelled."""
        shown: str | None = None
        sessions: list[str | None] = []
        while True:
            await client.wait_until_ready()
            # A new session begins without a presence.
            if sessions != (now := [socket.session_id for socket in client.sockets()]):
                sessions, shown = now, None
            text = await self._text()
            if text != shown and status.state is State.READY and await _show(client, text):
                shown = text
            await asyncio.sleep(self._every_s)

    async def _text(self) -> str:
        reasons = await asyncio.gather(*(_reason(check) for check in self._checks.values()))
        away = [name for name, reason in zip(self._checks, reasons, strict=True) if reason]
        return f"Degraded: {', '.join(away)} away" if away else _READY


async def _reason(check: Check) -> str | None:
    try:
        return await asyncio.wait_for(check(), _CHECK_S)
    except Exception as error:  # noqa: BLE001 - a check that breaks is itself the reason
        return f"{type(error).__name__}: {error}"


async def _show(client: AskmeshClient, text: str) -> bool:
    status = discord.Status.online if text == _READY else discord.Status.idle
    try:
        await client.change_presence(status=status, activity=discord.CustomActivity(text))
    except (OSError, discord.DiscordException) as error:
        log.info("presence_not_shown", error=str(error))
        return False
    return True
