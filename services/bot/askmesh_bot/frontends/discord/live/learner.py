"""Reads threads that changed and learns them, one after the other."""

import asyncio
import contextlib
import time

import discord
from askmesh_kit.errors import Conflict, NotFound
from askmesh_kit.logs import get_logger

from askmesh_bot.database.models import now
from askmesh_bot.frontends.discord.config.store import GuildConfigs
from askmesh_bot.frontends.discord.live.base import Known, LiveChannel
from askmesh_bot.frontends.discord.live.ears import Ears
from askmesh_bot.frontends.discord.live.notes import Notes
from askmesh_bot.frontends.discord.live.past import Past
from askmesh_bot.frontends.discord.live.reading import Read, ThreadReader
from askmesh_bot.frontends.discord.rest import bounded
from askmesh_bot.frontends.discord.settings import DiscordSettings
from askmesh_bot.frontends.discord.status import State, Status
from askmesh_bot.frontends.discord.where import surroundings
from askmesh_bot.knowledge.library import Library
from askmesh_bot.knowledge.sources.discord import channel_spec, discord_source, source_id
from askmesh_bot.knowledge.threads.document import thread_document
from askmesh_bot.peers.errors import PeerError, PeerUnavailable

log = get_logger("askmesh.discord.live")

_Channel = discord.TextChannel | discord.ForumChannel
# Where something was written, and what is to be learned of it.
_Found = tuple[_Channel | None, Read | None]

# A listing goes on when fewer than this wait to be read.
_FEW = 200
_IDLE_S, _ALIVE_EVERY_S = 1.0, 60.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5.0, 900.0
_LOOK_AGAIN_S = 30.0


class Learner:
    """Works through what is noted, one thread at a time, and begins again with each client."""

    def __init__(
        self,
        notes: Notes,
        ears: Ears,
        reader: ThreadReader,
        library: Library,
        configs: GuildConfigs,
        collection: str,
        settings: DiscordSettings,
    ) -> None:
        self._notes, self._ears, self._reader, self._library = notes, ears, reader, library
        self._configs, self._collection, self._settings = configs, collection, settings
        self._past = Past(notes, reader, settings.rest_deadline_s)
        self._missed, self._look_again_at = True, 0.0
        self._alive_at = now()

    def session_began(self) -> None:
        """What happened before this session may not have been heard."""
        self._missed, self._look_again_at = True, 0.0
        self._notes.changed.set()

    async def run(self, client: discord.Client, status: Status) -> None:
        """Runs until cancelled; what breaks costs one thread a while, not the connection."""
        while True:
            self._notes.changed.clear()
            try:
                # Before that a client knows of no channel, as if there were none any more.
                ready = status.state is State.READY and client.is_ready()
                busy = ready and await self._step(client)
            except Exception:
                log.exception("learning_broke")
                busy = False
                await asyncio.sleep(_FIRST_PAUSE_S)
            if busy:
                await asyncio.sleep(self._settings.live_gap_s)
            else:
                await self._wait()

    async def _wait(self) -> None:
        due_at = self._notes.next_at()
        left = (due_at - now()).total_seconds() if due_at else _IDLE_S
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._notes.changed.wait(), max(0.05, min(left, _IDLE_S)))

    async def _step(self, client: discord.Client) -> bool:
        """Do the most pressing thing; False where there is nothing to do now."""
        await self._settle(client)
        if self._missed and time.monotonic() >= self._look_again_at:
            # Should this fail, it is tried again after what is known by now.
            self._look_again_at, self._missed = time.monotonic() + _LOOK_AGAIN_S, False
            try:
                await self._past.look_back(client)
            except BaseException:
                self._missed = True
                raise
            self._look_again_at = 0.0
        known = self._notes.next_due()
        if known is not None and known.due_at is not None and known.due_at <= now():
            await self._kindly(client, known)
            return True
        return self._notes.waiting < _FEW and await self._past.list_page(client)

    async def _settle(self, client: discord.Client) -> None:
        """Bring the channels in line with what admins set, and note that all is heard so far."""
        wanted = self._wanted(client)
        for channel_id, guild_id in wanted.items():
            if channel_id not in self._notes.channels:
                await self._notes.keep_channel(LiveChannel(channel_id, guild_id, now()))
        for channel in list(self._notes.channels.values()):
            guild = client.get_guild(channel.guild_id)
            away = guild is not None and guild.unavailable
            if channel.channel_id not in wanted and not away:
                await self._forget_channel(channel.channel_id)
        if (now() - self._alive_at).total_seconds() > _ALIVE_EVERY_S and not self._missed:
            self._alive_at = now()
            for channel in self._notes.channels.values():
                channel.alive_at = self._alive_at
                await self._notes.keep_channel(channel)

    def _wanted(self, client: discord.Client) -> dict[int, int]:
        """The channels whose threads are to be learned, and their servers."""
        told = [(guild_id, config.live) for guild_id, config in self._configs.everywhere().items()]
        found = [
            guild.get_channel(one) for guild_id, live in told if (guild := client.get_guild(guild_id)) for one in live
        ]
        found += [
            one
            for key in self._configs.base.live
            if isinstance(one := client.get_channel(key), discord.abc.GuildChannel)
        ]
        return {one.id: one.guild.id for one in found if one and self._ears.is_live(one.guild.id, one.id)}

    async def _forget_channel(self, channel_id: int) -> None:
        with contextlib.suppress(NotFound, Conflict):
            await self._library.forget(source_id(channel_id))
        await self._notes.drop_channel(channel_id)
        log.info("channel_forgotten", channel=channel_id)

    async def _kindly(self, client: discord.Client, known: Known) -> None:
        """Read a thread and learn it; later if that fails."""
        try:
            await self._learn(client, known)
        except Exception as error:  # noqa: BLE001 - whatever one thread meets with, the others are learned
            pause = min(_FIRST_PAUSE_S * 2**known.tries, _LONGEST_PAUSE_S)
            log.warning(
                "thread_not_learned", thread=known.thread_id, error=f"{type(error).__name__}: {error}", again_s=pause
            )
            await self._notes.later(known, pause)

    async def _learn(self, client: discord.Client, known: Known) -> None:
        seen, began = known.marks, time.monotonic()
        where, read = await (self._read_replies(client, known) if known.replies else self._read(client, known))
        known.read_s = time.monotonic() - began
        document = thread_document(read.thread) if read else None
        if read is None or document is None or where is None:
            await self._forget(known)
            # It may yet be answered; what is closed stays remembered only where something was learned of it.
            await self._notes.read(known, seen, "", ())
            return
        spec = channel_spec(known.channel_id, _title(where), self._collection_of(where))
        before = await self._library.journal.source(spec.id)
        if before is not None and before.collection != spec.collection:
            await self._library.forget(spec.id, taken_back=False)
            await self._notes.mark(self._notes.in_channel(known.channel_id), 0.0, urgent=False)
        # Whose words these are is known before they are learned: who opts out meanwhile is found.
        await self._notes.add_authors(known, read.authors)
        if await self._notes.opted_out(read.authors):
            return  # somebody did just now: it is still due, and read again at once
        try:
            await self._library.learn_document(spec, discord_source(spec), document)
        except (PeerUnavailable, PeerError):
            # Better nothing, until it can be learned, than what somebody may just have taken back.
            await self._forget(known, document.text)
            raise
        await self._notes.read(known, seen, read.because, read.authors, read.replies)
        log.info("thread_learned", thread=known.thread_id, because=read.because, messages=len(read.thread.messages))

    async def _read(self, client: discord.Client, known: Known) -> _Found:
        where = await self._fetch(client, known)
        if where is None or where.parent is None:
            return None, None
        config = self._configs.get(known.guild_id)
        return where.parent, await self._reader.read(where, known.because, config)

    async def _read_replies(self, client: discord.Client, known: Known) -> _Found:
        channel = client.get_channel(known.channel_id)
        if not isinstance(channel, discord.TextChannel) or not self._ears.is_live(known.guild_id, channel.id):
            return None, None
        try:
            question = await self._reader.question_of(channel, known.thread_id)
            if question is None:
                return None, None
            if question.id != known.thread_id:
                # It was one of the replies that was marked.
                if (told := self._notes.thread(question.id)) is None or told.replies:
                    await self._notes.mark([told or _question(question.id, known)], 0.0, urgent=known.urgent)
                return None, None
            if not known.found:
                return None, None  # a mark on what is no reply
            heard = self._notes.replies_to(question.id)
            return channel, await self._reader.read_replies(channel, question, heard, self._configs.get(known.guild_id))
        except discord.Forbidden:
            return None, None

    async def _forget(self, known: Known, still: str = "") -> None:
        with contextlib.suppress(NotFound):
            await self._library.forget_document(source_id(known.channel_id), str(known.thread_id), still)

    async def _fetch(self, client: discord.Client, known: Known) -> discord.Thread | None:
        """The thread as it is; None where it is gone, or not to be learned."""
        try:
            found = await bounded(client.fetch_channel(known.thread_id), self._settings.rest_deadline_s)
        except (discord.NotFound, discord.Forbidden):
            # Where the bot can't look any more, it can't see what is taken back either.
            return None
        if not isinstance(found, discord.Thread) or found.is_private():
            return None
        return found if self._ears.is_live(known.guild_id, found.parent_id) and found.parent else None

    def _collection_of(self, channel: _Channel) -> str:
        return self._configs.get(channel.guild.id).collection_in(surroundings(channel)) or self._collection


def _question(message_id: int, known: Known) -> Known:
    return Known(message_id, known.guild_id, known.channel_id, replies=True, found=True)


def _title(channel: _Channel) -> str:
    return " ".join(f"{channel.guild.name} #{channel.name}".split())
