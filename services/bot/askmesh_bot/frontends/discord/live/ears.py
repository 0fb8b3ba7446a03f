"""Hears what changes in threads that are learned, or may be, and notes that they are to be read again.

Nothing is learned from an event itself: edits, deletions and purges in any order come to what Discord has in the end.
"""

import asyncio

import discord
from askmesh_kit.logs import get_logger

from askmesh_bot.database.models import now
from askmesh_bot.frontends.discord.config.store import GuildConfigs
from askmesh_bot.frontends.discord.ending import end
from askmesh_bot.frontends.discord.live.base import NEWEST, Known, LiveChannel, Progress
from askmesh_bot.frontends.discord.live.notes import Notes
from askmesh_bot.frontends.discord.settings import DiscordSettings

log = get_logger("askmesh.discord.live")

# What is written comes in bursts, so it waits a little; what is taken back hardly.
_WRITTEN_S, _SETTLED_S, _GONE_S = 5.0, 2.0, 1.0
# At most this part of the time goes into reading a thread in which people write on: the inverse of it.
_READING_SHARE = 10.0
# Messages purged with a ban go in Discord's own time: read again after this, too.
_PURGED_S = 30.0


class Ears:
    """One per bot; its clients pass on what they hear."""

    def __init__(self, notes: Notes, configs: GuildConfigs, settings: DiscordSettings) -> None:
        self._notes, self._configs, self._settings = notes, configs, settings
        self._solved = frozenset(tag.strip().casefold() for tag in settings.solved_tags.split(","))
        self._mark = settings.accept_emoji.replace("\ufe0f", "")
        self._later: set[asyncio.Task[None]] = set()

    def is_live(self, guild_id: int | None, channel_id: int | None) -> bool:
        """Whether threads of a channel are learned. Without the content intent nobody's words arrive."""
        return self._settings.message_content and channel_id in self._configs.get(guild_id).live

    async def wrote(self, message: discord.Message) -> None:
        """A new message: matters where its thread, or what it replies to, is learned already."""
        if message.author.bot:
            return
        known = self._notes.thread(message.channel.id)
        if known is None and message.reference is not None and message.reference.message_id is not None:
            known = self._notes.holding(message.reference.message_id)
            if known is not None:
                self._notes.joins(message.id, known)
        if known is not None:
            # What takes long to read is read less often.
            await self._notes.mark([known], max(_WRITTEN_S, _READING_SHARE * known.read_s), urgent=True)

    async def edited(self, payload: discord.RawMessageUpdateEvent) -> None:
        if not payload.data.get("author", {}).get("bot"):
            await self._touched(payload.channel_id, [payload.message_id], _SETTLED_S)

    async def deleted(self, channel_id: int, message_ids: list[int]) -> None:
        """One message or many."""
        await self._touched(channel_id, message_ids, _GONE_S)

    async def reacted(
        self, channel_id: int, message_id: int, emoji: str | None, guild: discord.Guild | None, *, came: bool
    ) -> None:
        """A reaction came or went; `emoji` None: all of them went."""
        if emoji is not None and emoji.replace("\ufe0f", "") != self._mark:
            return
        thread = guild.get_thread(channel_id) if guild else None
        if guild is not None and thread is not None and self.is_live(guild.id, thread.parent_id):
            await self._notes.mark([_new(thread)], _SETTLED_S, urgent=True)
        elif guild is not None and came and self.is_live(guild.id, channel_id):
            known = self._notes.holding(message_id) or Known(message_id, guild.id, channel_id, replies=True)
            await self._notes.mark([known], _SETTLED_S, urgent=True)
        else:
            await self._touched(channel_id, [message_id], _SETTLED_S)

    async def thread_changed(self, thread: discord.Thread) -> None:
        """Renamed, tagged, closed, locked or opened again."""
        settled = (
            thread.archived or thread.locked or any(t.name.casefold() in self._solved for t in thread.applied_tags)
        )
        known = self._notes.thread(thread.id)
        if known or (settled and self.is_live(thread.guild.id, thread.parent_id)):
            await self._notes.mark([_new(thread)], _SETTLED_S, urgent=True)

    async def channel_gone(self, channel_id: int) -> None:
        """A thread or a channel was deleted."""
        known = self._notes.thread(channel_id)
        threads = [known] if known else self._notes.in_channel(channel_id)
        await self._notes.mark(threads, _GONE_S, urgent=True)
        self._notes.changed.set()

    async def guild_gone(self, guild_id: int) -> None:
        """The bot was taken out of a server."""
        gone = [c.channel_id for c in self._notes.channels.values() if c.guild_id == guild_id]
        for channel_id in gone:
            await self.channel_gone(channel_id)

    async def banned(self, guild_id: int, user_id: int) -> None:
        """Somebody was banned, perhaps with what they wrote."""
        await self._by(user_id, guild_id, _GONE_S)
        task = asyncio.create_task(self._purged(user_id, guild_id))
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def opted_out(self, user_id: int) -> None:
        """Somebody wants nothing kept of what they wrote."""
        await self._by(user_id, None, 0.0)

    async def backfill(self, guild_id: int, channel_id: int) -> None:
        """Read what was written in a channel so far; goes on where it was if that is under way. Raises
        SQLAlchemyError."""
        known = self._notes.channels.get(channel_id)
        if known is None or not known.listing:
            alive_at = known.alive_at if known else now()
            await self._notes.keep_channel(
                LiveChannel(channel_id, guild_id, alive_at, listing=True, read_before=NEWEST)
            )

    def progress(self, channel_id: int) -> Progress:
        """How far that is."""
        return self._notes.progress(channel_id)

    async def close(self) -> None:
        await end(*self._later)

    async def _touched(self, channel_id: int, message_ids: list[int], delay_s: float) -> None:
        # A thread's first message may be in its channel; it has the thread's id.
        found = {key: known for key in (channel_id, *message_ids) if (known := self._notes.holding(key))}
        if found:
            await self._notes.mark({known.thread_id: known for known in found.values()}.values(), delay_s, urgent=True)

    async def _purged(self, user_id: int, guild_id: int) -> None:
        await asyncio.sleep(_PURGED_S)
        await self._by(user_id, guild_id, 0.0)

    async def _by(self, user_id: int, guild_id: int | None, delay_s: float) -> None:
        theirs = await self._notes.by(user_id)
        wanted = [known for known in theirs if guild_id in (None, known.guild_id)]
        await self._notes.mark(wanted, delay_s, urgent=True)


def _new(thread: discord.Thread) -> Known:
    return Known(thread.id, thread.guild.id, thread.parent_id)
