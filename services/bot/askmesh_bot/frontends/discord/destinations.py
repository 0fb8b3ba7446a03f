"""Where an answer is written: a channel, a thread or a direct message. For interactions: `interaction_destination.py`."""

import asyncio
import secrets
from typing import Any, Protocol

import discord

from askmesh_bot.frontends.discord.rest import MAY_NOT_REPLY, THREAD_ARCHIVED, bounded, is_transient

Buttons = discord.ui.View | None
NO_MENTIONS = discord.AllowedMentions.none()
_RETRY_AFTER_S = 0.5


class Post(Protocol):
    """A message that can still be changed."""

    @property
    def id(self) -> int | None:
        """The message's id, where it is known."""

    @property
    def channel_id(self) -> int | None:
        """Where it is, where that is known."""

    async def edit(self, content: str, buttons: Buttons = None) -> None:
        """Replace the content; add `buttons` where there are some."""

    async def delete(self) -> None: ...


class Destination(Protocol):
    """Takes messages. Both methods raise what discord.py raises."""

    async def send(self, content: str, buttons: Buttons = None) -> Post: ...

    async def typing(self) -> None:
        """Show for ten seconds that an answer is being written."""


class ChannelPost:
    """A message of the bot in a channel, thread or DM."""

    def __init__(self, message: discord.Message | discord.PartialMessage, deadline_s: float) -> None:
        self._message, self._deadline_s = message, deadline_s
        self._turn = asyncio.Lock()

    @property
    def id(self) -> int | None:
        return self._message.id

    @property
    def channel_id(self) -> int | None:
        return self._message.channel.id

    async def edit(self, content: str, buttons: Buttons = None) -> None:
        try:
            await self._edit(content, buttons)
        except discord.HTTPException as error:
            channel = self._message.channel
            if error.code != THREAD_ARCHIVED or not isinstance(channel, discord.Thread):
                raise
            # Closed meanwhile, by somebody or by its age. Whoever may write in it may open it, unless it is locked.
            await bounded(channel.edit(archived=False), self._deadline_s)
            await self._edit(content, buttons)

    async def _edit(self, content: str, buttons: Buttons) -> None:
        await bounded(self._in_turn(content, buttons), self._deadline_s)

    async def _in_turn(self, content: str, buttons: Buttons) -> None:
        # An edit that was given up may still wait for a rate limit: its old text must not come to stand for a newer one.
        async with self._turn:
            await self._message.edit(content=content, allowed_mentions=NO_MENTIONS, **given(buttons))

    async def delete(self) -> None:
        await bounded(self._message.delete(), self._deadline_s)


class ChannelDestination:
    """Posts into a channel, thread or DM; the first message as a reply to `reply_to`, which it does not ping, or as a
    plain message where the bot may not read the history that it would reply to.

    `nonce`: makes the first message once, for whoever posts it: Discord gives the second the message of the first.
    """

    def __init__(
        self,
        channel: discord.abc.Messageable,
        deadline_s: float,
        reply_to: discord.Message | None = None,
        nonce: str = "",
    ) -> None:
        self._channel, self._deadline_s, self._nonce = channel, deadline_s, nonce
        self._reply_to = reply_to if _may_reply(channel) else None

    async def send(self, content: str, buttons: Buttons = None) -> Post:
        # The nonce makes the second try harmless where the first arrived and only its response was lost.
        nonce, self._nonce = self._nonce or secrets.token_hex(12), ""
        try:
            message = await self._send(content, nonce, buttons)
        except Exception as error:
            if isinstance(error, discord.HTTPException) and error.code == MAY_NOT_REPLY:
                self._reply_to = None  # what is known of the permissions is out of date
            elif is_transient(error):
                await asyncio.sleep(_RETRY_AFTER_S)
            else:
                raise
            message = await self._send(content, nonce, buttons)
        self._reply_to = None
        return ChannelPost(message, self._deadline_s)

    async def _send(self, content: str, nonce: str, buttons: Buttons) -> discord.Message:
        # discord.py's type for `reference` does not admit the None that its code does.
        reference = self._reply_to.to_reference(fail_if_not_exists=False) if self._reply_to else None
        call = self._channel.send(
            content,
            allowed_mentions=NO_MENTIONS,
            suppress_embeds=True,
            nonce=nonce,
            reference=reference,  # type: ignore[arg-type]
            mention_author=False,
            **given(buttons),
        )
        return await bounded(call, self._deadline_s)

    async def typing(self) -> None:
        await bounded(_trigger_typing(self._channel), self._deadline_s)


def given(buttons: Buttons) -> dict[str, Any]:
    """Buttons as discord.py takes them."""
    # Leaving `view` out keeps the buttons that a message has; passing None would take them away.
    return {} if buttons is None else {"view": buttons}


def _may_reply(channel: object) -> bool:
    if not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        return True
    if isinstance(channel, discord.Thread) and channel.parent is None:
        return True  # not known: Discord decides
    me = channel.guild.me
    return me is None or channel.permissions_for(me).read_message_history


async def _trigger_typing(channel: discord.abc.Messageable) -> None:
    await channel.typing()
