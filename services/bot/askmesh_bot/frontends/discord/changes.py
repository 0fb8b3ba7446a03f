"""Marks answers whose sources changed or were deleted since they were written."""

import asyncio
import time
from collections.abc import Sequence

import discord
from askmesh_kit.logs import get_logger

from askmesh_bot.frontends.discord.client import AskmeshClient
from askmesh_bot.frontends.discord.destinations import NO_MENTIONS
from askmesh_bot.frontends.discord.published import Outdated, Published
from askmesh_bot.frontends.discord.rest import bounded, is_gone
from askmesh_bot.frontends.discord.rules import Rules
from askmesh_bot.frontends.discord.settings import DiscordSettings
from askmesh_bot.frontends.discord.splitting import LIMIT, units
from askmesh_bot.frontends.discord.status import State, Status
from askmesh_bot.frontends.discord.texts import language_of, say

log = get_logger("askmesh.discord.changes")

# Edits of one round, and the least time between two: a source that is learned anew may be cited by hundreds.
_MOST_PER_ROUND, _EDIT_GAP_S = 20, 1.5


class ChangeMarker:
    """Compares at every interval. Only whoever holds the gateway connection runs it."""

    def __init__(self, published: Published, rules: Rules, settings: DiscordSettings) -> None:
        self._published, self._rules, self._settings = published, rules, settings

    async def run(self, client: AskmeshClient, status: Status) -> None:
        """Runs until cancelled."""
        while True:
            await asyncio.sleep(self._settings.changes_s)
            if status.state is not State.READY:
                continue
            try:
                await self._mark_all(client)
            except Exception as error:  # noqa: BLE001 - whatever it is must not cost the connection
                log.warning("sources_not_compared", error=f"{type(error).__name__}: {error}")

    async def _mark_all(self, client: AskmeshClient) -> None:
        for number, one in enumerate((await self._published.outdated())[:_MOST_PER_ROUND]):
            if number:
                await asyncio.sleep(_EDIT_GAP_S)
            await self._mark(client, one)

    async def _mark(self, client: AskmeshClient, one: Outdated) -> None:
        shown, deadline_s = one.shown, self._settings.rest_deadline_s
        channel = client.get_channel(shown.channel_id) or client.get_partial_messageable(shown.channel_id)
        if not isinstance(channel, discord.abc.Messageable):
            return
        try:
            line = self._line(channel, one.deleted)
            if (messages := await self._published.emptied(shown)) is not None:
                await self._empty(client, messages, line)
                return
            message = await bounded(channel.fetch_message(shown.message_id), deadline_s)
            if units(line) + units(message.content) <= LIMIT:
                await bounded(message.edit(content=line + message.content, allowed_mentions=NO_MENTIONS), deadline_s)
            await self._published.marked(shown.message_id)
        except (discord.HTTPException, OSError, TimeoutError) as error:
            if is_gone(error):
                await self._published.marked(shown.message_id, gone=True)
            log.info("answer_not_marked", message=shown.message_id, error=str(error))

    async def _empty(self, client: AskmeshClient, messages: Sequence[tuple[int, int]], line: str) -> None:
        """What people took back is not told on in the bot's name: the line is all that stays of the answer."""
        deadline_s = self._settings.rest_deadline_s
        for number, (channel_id, message_id) in enumerate(messages):
            message = client.get_partial_messageable(channel_id).get_partial_message(message_id)
            try:
                if number:
                    await bounded(message.delete(), deadline_s)
                else:
                    await bounded(message.edit(content=line, allowed_mentions=NO_MENTIONS), deadline_s)
            except discord.HTTPException as error:
                if not is_gone(error):
                    raise
        await self._published.marked(messages[0][1])

    def _line(self, channel: object, deleted: bool) -> str:
        guild = getattr(channel, "guild", None)
        config = self._rules.config(guild)
        language = config.language or language_of(guild.preferred_locale if guild else "en")
        # Discord shows this time in each reader's own time zone.
        when = f"<t:{int(time.time())}:f>"
        return f"-# ⚠️ {say('source_deleted' if deleted else 'source_changed', language, when=when)}\n"
