"""What was written in a channel before anybody listened, or while nobody did: found, and noted to be read."""

from collections.abc import Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import discord
from askmesh_kit.logs import get_logger

from askmesh_bot.frontends.discord.live.base import NEWEST, OLDEST, Known, LiveChannel
from askmesh_bot.frontends.discord.live.notes import Notes
from askmesh_bot.frontends.discord.live.reading import ThreadReader, everything
from askmesh_bot.frontends.discord.rest import bounded

log = get_logger("askmesh.discord.live")

T = TypeVar("T")

_PAGE = 100
# Pages listed of what was closed while nobody listened, and how much further back than that.
_MOST_PAGES, _OVERLAP = 20, timedelta(minutes=5)


class Past:
    """Lists pages of Discord's; how far it is, is kept with each channel."""

    def __init__(self, notes: Notes, reader: ThreadReader, deadline_s: float) -> None:
        self._notes, self._reader, self._deadline_s = notes, reader, deadline_s

    async def look_back(self, client: discord.Client) -> None:
        """Everything known is read again, and what may have been closed meanwhile."""
        for channel in list(self._notes.channels.values()):
            await self._notes.mark(self._notes.in_channel(channel.channel_id), 0.0, urgent=False)
            await self._notes.mark(self._open_threads(client, channel), 0.0, urgent=False)
            since, cursor = channel.alive_at - _OVERLAP, None
            for _ in range(_MOST_PAGES):
                page = await self._page(client, channel, cursor)
                new = [thread for thread in page if thread.archive_timestamp >= since]
                await self._notes.mark([_known(thread) for thread in new], 0.0, urgent=False)
                if len(new) < _PAGE:
                    break
                cursor = new[-1].archive_timestamp
            # Of what was marked meanwhile, the newest.
            await self._notes.mark(
                self._marked(channel, await self._messages(client, channel, NEWEST)), 0.0, urgent=False
            )

    async def list_page(self, client: discord.Client) -> bool:
        """List one page of a channel's past; False where none is to be listed."""
        channel = next((one for one in self._notes.channels.values() if one.listing), None)
        if channel is None:
            return False
        found = await self._listed(client, channel)
        await self._notes.mark(found, 0.0, urgent=False)
        channel.found += len(found)
        await self._notes.keep_channel(channel)
        return True

    async def _listed(self, client: discord.Client, channel: LiveChannel) -> list[Known]:
        """A page of archived threads; when there are no more, one of the channel's own messages."""
        if channel.cursor != OLDEST:
            page = await self._page(client, channel, channel.cursor)
            found = [_known(thread) for thread in page]
            if channel.cursor is None:
                found += self._open_threads(client, channel)
            channel.cursor = page[-1].archive_timestamp if len(page) == _PAGE else OLDEST
            return found
        messages = await self._messages(client, channel, channel.read_before)
        channel.listing = len(messages) == _PAGE
        channel.read_before = messages[-1].id if channel.listing else None
        return self._marked(channel, messages)

    def _open_threads(self, client: discord.Client, channel: LiveChannel) -> list[Known]:
        guild = client.get_guild(channel.guild_id)
        threads = guild.threads if guild else ()
        return [_known(thread) for thread in threads if thread.parent_id == channel.channel_id]

    def _marked(self, channel: LiveChannel, messages: Sequence[discord.Message]) -> list[Known]:
        """The replies among a channel's messages that somebody marked as the answer."""
        return [
            self._notes.holding(message.id) or Known(message.id, channel.guild_id, channel.channel_id, replies=True)
            for message in messages
            if self._reader.is_marked(message)
        ]

    async def _messages(
        self, client: discord.Client, channel: LiveChannel, before: int | None
    ) -> list[discord.Message]:
        """A page of a text channel's own messages, the newest first."""
        where = client.get_channel(channel.channel_id)
        if not isinstance(where, discord.TextChannel) or before is None:
            return []
        history = where.history(limit=_PAGE, before=discord.Object(before) if before < NEWEST else None)
        return await self._seen(channel, everything(history))

    async def _page(
        self, client: discord.Client, channel: LiveChannel, before: datetime | None
    ) -> list[discord.Thread]:
        """Archived threads, those closed last first."""
        where = client.get_channel(channel.channel_id)
        if not isinstance(where, discord.TextChannel | discord.ForumChannel):
            return []
        return await self._seen(channel, everything(where.archived_threads(limit=_PAGE, before=before)))

    async def _seen(self, channel: LiveChannel, call: Coroutine[Any, Any, list[T]]) -> list[T]:
        """What the call gives; nothing where the bot may not see it. Raises what else Discord's API does."""
        try:
            return await bounded(call, self._deadline_s)
        except (discord.Forbidden, discord.NotFound) as error:
            log.warning("not_listed", channel=channel.channel_id, error=str(error))
            return []


def _known(thread: discord.Thread) -> Known:
    return Known(thread.id, thread.guild.id, thread.parent_id)
