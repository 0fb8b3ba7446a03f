"""What a client passes on of Discord's events for learning."""

from collections.abc import Callable
from typing import Any

import discord

from askmesh_bot.frontends.discord.live.ears import Ears


class Hearing:
    """Listens beside whatever else a client does. Without `ears`, as where nothing can be learned, to nothing."""

    def __init__(self, ears: Ears | None, on_session: Callable[[], None]) -> None:
        self._ears, self._on_session = ears, on_session

    def session_began(self) -> None:
        self._on_session()

    async def wrote(self, message: discord.Message) -> None:
        if self._ears is not None:
            await self._ears.wrote(message)

    async def reacted(self, client: discord.Client, payload: Any, emoji: str | None, *, came: bool = False) -> None:
        """A reaction came or went; `emoji` None: all of them went."""
        if self._ears is not None:
            guild = client.get_guild(payload.guild_id or 0)
            await self._ears.reacted(payload.channel_id, payload.message_id, emoji, guild, came=came)

    def attach(self, client: discord.Client) -> None:
        """Hear what `client` hears from now on."""
        if self._ears is not None:
            _Listener(self, self._ears, client).attach()


class _Listener:
    def __init__(self, hearing: Hearing, ears: Ears, client: discord.Client) -> None:
        self._hearing, self._ears, self._client = hearing, ears, client

    def attach(self) -> None:
        # discord.py calls one method of the client per event; these have none there.
        for event in (
            self.on_raw_message_edit,
            self.on_raw_message_delete,
            self.on_raw_bulk_message_delete,
            self.on_raw_reaction_clear,
            self.on_raw_reaction_clear_emoji,
            self.on_raw_thread_update,
            self.on_raw_thread_delete,
            self.on_guild_channel_delete,
            self.on_guild_remove,
            self.on_member_ban,
        ):
            setattr(self._client, event.__name__, event)

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        await self._ears.edited(payload)

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        await self._ears.deleted(payload.channel_id, [payload.message_id])

    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        await self._ears.deleted(payload.channel_id, sorted(payload.message_ids))

    async def on_raw_reaction_clear(self, payload: discord.RawReactionClearEvent) -> None:
        await self._hearing.reacted(self._client, payload, None)

    async def on_raw_reaction_clear_emoji(self, payload: discord.RawReactionClearEmojiEvent) -> None:
        await self._hearing.reacted(self._client, payload, payload.emoji.name)

    async def on_raw_thread_update(self, payload: discord.RawThreadUpdateEvent) -> None:
        guild = self._client.get_guild(payload.guild_id)
        if guild is not None:
            # From the event: a thread that is archived is not in discord.py's memory.
            await self._ears.thread_changed(
                discord.Thread(guild=guild, state=self._client._connection, data=payload.data)
            )

    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        await self._ears.channel_gone(payload.thread_id)

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        await self._ears.channel_gone(channel.id)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        await self._ears.guild_gone(guild.id)

    async def on_member_ban(self, guild: discord.Guild, user: discord.abc.User) -> None:
        await self._ears.banned(guild.id, user.id)
