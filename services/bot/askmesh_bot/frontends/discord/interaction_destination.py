"""The response of an interaction as a place to write, and where its answer goes when the response can't be changed any more."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import discord

from askmesh_bot.frontends.discord.destinations import (
    NO_MENTIONS,
    Buttons,
    ChannelPost,
    Destination,
    Post,
    given,
)
from askmesh_bot.frontends.discord.rest import bounded, is_expired

# Messages among which one is looked for whose response was lost.
_NEWEST = 10
# Discord takes an interaction's token for 15 minutes; the last edit must arrive within them.
_TOKEN_S = 15 * 60.0 - 15.0


class InteractionDestination:
    """The response of a deferred interaction, then its follow-ups; what an expired token prevents goes elsewhere."""

    def __init__(
        self,
        interaction: discord.Interaction,
        deadline_s: float,
        *,
        private: bool,
        fallback: Callable[[], Awaitable[Destination]],
    ) -> None:
        self._interaction, self._deadline_s, self._private = interaction, deadline_s, private
        self._fallback = fallback
        self._elsewhere: Destination | None = None
        self._answered = self._given_up = False
        # What was given up may still wait for a rate limit: its old text must not come to stand for a newer one.
        self.turn = asyncio.Lock()
        # By this process's own clock: the time in an interaction's id is another's.
        self._until = time.monotonic() + _TOKEN_S

    @property
    def expired(self) -> bool:
        """Whether answers now go to the fallback."""
        return self._given_up or time.monotonic() > self._until

    def give_up_token(self) -> None:
        """Use the fallback from now on."""
        self._given_up = True

    async def send(self, content: str, buttons: Buttons = None) -> Post:
        if self.expired:
            return await self.send_elsewhere(content, buttons)
        try:
            message = await bounded(self._respond(content, buttons), self._deadline_s)
        except discord.HTTPException as error:
            if not is_expired(error):
                raise
            return await self.send_elsewhere(content, buttons)
        except (OSError, TimeoutError):
            # It may have arrived, and only its response was lost. Follow-ups know no nonce.
            if (there := await self._find(content)) is None:
                raise
            return ChannelPost(there, self._deadline_s)
        self._answered = True
        return InteractionPost(message, self, self._deadline_s)

    async def send_elsewhere(self, content: str, buttons: Buttons = None) -> Post:
        """Post by the fallback from now on."""
        self.give_up_token()
        if self._elsewhere is None:
            self._elsewhere = await self._fallback()
        return await self._elsewhere.send(content, buttons)

    async def typing(self) -> None:
        """Nothing: Discord shows a deferred interaction as thinking."""

    async def _find(self, content: str) -> discord.Message | None:
        """The follow-up with this content, where it can be seen."""
        channel, me = self._interaction.channel, self._interaction.client.user
        if not self._answered or self._private or me is None or not isinstance(channel, discord.abc.Messageable):
            return None
        newest = [message async for message in channel.history(limit=_NEWEST)]
        return next((m for m in newest if m.author.id == me.id and m.content == content.strip()), None)

    async def _respond(self, content: str, buttons: Buttons) -> discord.InteractionMessage | discord.WebhookMessage:
        if not self._answered:
            async with self.turn:
                return await self._interaction.edit_original_response(
                    content=content, allowed_mentions=NO_MENTIONS, **given(buttons)
                )
        return await self._interaction.followup.send(
            content,
            ephemeral=self._private,
            wait=True,
            allowed_mentions=NO_MENTIONS,
            suppress_embeds=True,
            **given(buttons),
        )


class InteractionPost:
    """A message made with an interaction's token; once that has expired, its newest text is posted elsewhere."""

    def __init__(
        self,
        message: discord.InteractionMessage | discord.WebhookMessage,
        destination: InteractionDestination,
        deadline_s: float,
    ) -> None:
        self._message, self._destination, self._deadline_s = message, destination, deadline_s
        self._moved: Post | None = None

    @property
    def id(self) -> int | None:
        return self._moved.id if self._moved else self._message.id

    @property
    def channel_id(self) -> int | None:
        return self._moved.channel_id if self._moved else self._message.channel.id

    async def edit(self, content: str, buttons: Buttons = None) -> None:
        if self._moved:
            await self._moved.edit(content, buttons)
            return
        if not self._destination.expired:
            try:
                await bounded(self._in_turn(content, buttons), self._deadline_s)
            except discord.HTTPException as error:
                if not is_expired(error):
                    raise
            else:
                return
        self._moved = await self._destination.send_elsewhere(content, buttons)

    async def _in_turn(self, content: str, buttons: Buttons) -> None:
        async with self._destination.turn:
            await self._message.edit(content=content, allowed_mentions=NO_MENTIONS, **given(buttons))

    async def delete(self) -> None:
        await (self._moved.delete() if self._moved else bounded(self._message.delete(), self._deadline_s))
