"""Choosing where a mention is answered: in a thread where permissions allow it, else in the channel, else by DM."""

import asyncio
from dataclasses import dataclass

import discord
from askmesh_kit.logs import get_logger

from askmesh_bot.frontends.discord.destinations import ChannelDestination, Destination
from askmesh_bot.frontends.discord.rendering import thread_name
from askmesh_bot.frontends.discord.rest import THREAD_EXISTS, bounded, is_transient
from askmesh_bot.frontends.discord.texts import say
from askmesh_bot.frontends.discord.where import guild_id_of

log = get_logger("askmesh.discord.places")

_RETRY_AFTER_S = 0.5


@dataclass(frozen=True)
class Choice:
    """Where to write. `place_id`: the thread or DM to remember; `note`: what an admin should read below the answer."""

    destination: Destination
    channel: discord.abc.Messageable
    place_id: int | None = None
    note: str = ""


class PlaceChooser:
    """Looks at permissions before it writes, so that people read a remedy where Discord would only say 50013."""

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        # Channels whose lack of threads was told once.
        self._told: set[int] = set()

    async def choose(self, message: discord.Message, question: str, language: str) -> Choice | None:
        """Where to answer `message`; None where nothing can be written to anyone."""
        channel = message.channel
        if not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
            if guild_id_of(message) is not None:
                return Choice(self._reply(message), channel)  # a channel of which nothing is known yet
            return Choice(ChannelDestination(channel, self._deadline_s, nonce=_nonce(message)), channel, channel.id)
        granted = granted_in(channel)
        if isinstance(channel, discord.Thread):
            if missing := _missing_in(channel, granted):
                await self._by_dm(message, missing, language)
                return None
            return Choice(self._reply(message), channel, channel.id)
        missing = missing_for_threads(granted)
        if isinstance(channel, discord.TextChannel) and not missing:
            try:
                thread = await self._open(message, question)
                return Choice(ChannelDestination(thread, self._deadline_s, nonce=_nonce(message)), thread, thread.id)
            except discord.Forbidden as error:
                log.warning("thread_refused", channel=channel.id, code=error.code, error=error.text)
                missing = ["Create Public Threads", "Send Messages in Threads"]
            except (discord.HTTPException, OSError, TimeoutError) as error:
                log.warning("thread_failed", channel=channel.id, error=f"{type(error).__name__}: {error}")
        if granted is not None and not granted.send_messages:
            await self._by_dm(message, ["Send Messages", *missing], language)
            return None
        return Choice(self._reply(message), message.channel, note=self._note(channel.id, missing, language))

    def _reply(self, message: discord.Message) -> Destination:
        return ChannelDestination(message.channel, self._deadline_s, reply_to=message, nonce=_nonce(message))

    def _note(self, channel_id: int, missing: list[str], language: str) -> str:
        if not missing or channel_id in self._told:
            return ""
        self._told.add(channel_id)
        return "\n\n-# " + say("no_threads", language, missing=_listed(missing))

    async def _open(self, message: discord.Message, question: str) -> discord.Thread:
        """The thread on `message`. Raises what Discord's API does."""
        name = thread_name(question)
        try:
            return await self._create(message, name)
        except Exception as error:
            if not is_transient(error):
                raise
            await asyncio.sleep(_RETRY_AFTER_S)
            return await self._create(message, name)

    async def _create(self, message: discord.Message, name: str) -> discord.Thread:
        try:
            return await bounded(message.create_thread(name=name), self._deadline_s)
        except discord.HTTPException as error:
            # Somebody made one; or it was made, and only the response was lost.
            if error.code != THREAD_EXISTS or message.guild is None:
                raise
            return message.guild.get_thread(message.id) or await self._fetch(message.guild, message.id)

    async def _fetch(self, guild: discord.Guild, thread_id: int) -> discord.Thread:
        found = await bounded(guild.fetch_channel(thread_id), self._deadline_s)
        if not isinstance(found, discord.Thread):
            raise OSError(f"{thread_id} is no thread")
        return found

    async def _by_dm(self, message: discord.Message, missing: list[str], language: str) -> None:
        channel = message.channel
        assert isinstance(channel, discord.abc.GuildChannel | discord.Thread)
        log.warning("may_not_write", channel=channel.id, missing=missing)
        await self.tell_in_private(
            message, say("no_writing", language, channel=channel.mention, missing=_listed(missing))
        )

    async def tell_in_private(self, message: discord.Message, text: str) -> None:
        """A word to whoever wrote `message`, where it can't be said in the channel."""
        try:
            await bounded(message.author.send(text, allowed_mentions=discord.AllowedMentions.none()), self._deadline_s)
        except (discord.HTTPException, OSError, TimeoutError) as error:
            log.info("dm_refused", error=str(error))


def missing_for_threads(granted: discord.Permissions | None) -> list[str]:
    """The permissions that answering in a new thread lacks, as Discord's settings name them; None: not known."""
    if granted is None:
        return []
    needed = {
        "Create Public Threads": granted.create_public_threads,
        "Send Messages in Threads": granted.send_messages_in_threads,
    }
    return [name for name, given in needed.items() if not given]


def _missing_in(thread: discord.Thread, granted: discord.Permissions | None) -> list[str]:
    """The permissions that writing in a thread lacks."""
    if granted is None:
        return []
    needed = {
        "Send Messages in Threads": granted.send_messages_in_threads,
        "Manage Threads": granted.manage_threads or not thread.locked,
    }
    return [name for name, given in needed.items() if not given]


def granted_in(channel: object) -> discord.Permissions | None:
    """What the bot may do in a server's channel; None where that is not known, and Discord's own answer decides."""
    if not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        return None
    if isinstance(channel, discord.Thread) and channel.parent is None:
        return None
    me = channel.guild.me
    return channel.permissions_for(me) if me is not None else None


def _nonce(message: discord.Message) -> str:
    # The same for every process that answers `message`: one that was killed before it could note its first message has
    # left no second one.
    return f"{message.id}-0"


def _listed(names: list[str]) -> str:
    return " and ".join(f"**{name}**" for name in names)
