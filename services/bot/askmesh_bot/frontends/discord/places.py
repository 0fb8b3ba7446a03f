"""Choosing where a mention is answered: in a thread where permissions allow it, else in the channel, else by DM."""

from dataclasses import dataclass

import discord
from askmesh_kit.logs import get_logger

from askmesh_bot.frontends.discord.destinations import ChannelDestination, Destination
from askmesh_bot.frontends.discord.rendering import thread_name
from askmesh_bot.frontends.discord.rest import THREAD_EXISTS, bounded
from askmesh_bot.frontends.discord.texts import say

log = get_logger("askmesh.discord.places")


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
            return Choice(ChannelDestination(channel, self._deadline_s, nonce=_nonce(message)), channel, channel.id)
        granted = _granted(channel)
        if isinstance(channel, discord.Thread):
            if granted is not None and not granted.send_messages_in_threads:
                await self._by_dm(message, ["Send Messages in Threads"], language)
                return None
            return Choice(self._reply(message), channel, channel.id)
        missing = missing_for_threads(granted)
        if isinstance(channel, discord.TextChannel) and not missing:
            thread = await self._open(message, question)
            if thread is not None:
                return Choice(ChannelDestination(thread, self._deadline_s, nonce=_nonce(message)), thread, thread.id)
            missing = ["Create Public Threads", "Send Messages in Threads"]
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

    async def _open(self, message: discord.Message, question: str) -> discord.Thread | None:
        try:
            return await bounded(message.create_thread(name=thread_name(question)), self._deadline_s)
        except discord.HTTPException as error:
            if error.code == THREAD_EXISTS and message.guild is not None:
                return message.guild.get_thread(message.id)
            log.warning("thread_refused", channel=message.channel.id, code=error.code, error=error.text)
        except (OSError, TimeoutError) as error:
            log.warning("thread_failed", channel=message.channel.id, error=str(error))
        return None

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


def _granted(channel: discord.abc.GuildChannel | discord.Thread) -> discord.Permissions | None:
    me = channel.guild.me
    # Not cached before the server is available: then Discord's own answer decides.
    return channel.permissions_for(me) if me is not None else None


def _nonce(message: discord.Message) -> str:
    # The same for every process that answers `message`: one that was killed before it could note its first message has
    # left no second one.
    return f"{message.id}-0"


def _listed(names: list[str]) -> str:
    return " and ".join(f"**{name}**" for name in names)
