"""Questions asked while no session was there to hear them: found in the channels' history, and answered."""

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import discord
from askmesh_kit.logs import get_logger
from sqlalchemy.exc import SQLAlchemyError

from askmesh_bot.frontends.discord.clock import DiscordClock
from askmesh_bot.frontends.discord.journal import Journal, Seen
from askmesh_bot.frontends.discord.mentions import MentionHandler
from askmesh_bot.frontends.discord.metrics import DiscordMetrics
from askmesh_bot.frontends.discord.rest import bounded
from askmesh_bot.frontends.discord.status import State, Status
from askmesh_bot.frontends.discord.where import guild_id_of

log = get_logger("askmesh.discord.catch_up")

_SAVE_EVERY_S = 5.0
_REMEMBERED = 5_000
_MOST_CHANNELS, _MOST_MESSAGES = 25, 100
# Fewer than one person may wait for, so that nobody is refused for what they asked over a longer time.
_AT_ONCE = 2
# No channels have these ids: under them stands when the bot was last connected, by Discord's clock and by this host's.
_ALIVE, _HERE = 0, -1

_Place = discord.TextChannel | discord.Thread


@dataclass(frozen=True)
class _Gap:
    """A place with messages that were not seen."""

    channel: discord.abc.Messageable
    after: int


class CatchUp:
    """Notes the newest message of each channel; a session that could not be resumed is compared with that.

    Bounded: channels and messages per channel have a maximum, and what is older than `age_s` seconds is left alone.
    """

    def __init__(
        self,
        handler: MentionHandler,
        journal: Journal,
        metrics: DiscordMetrics,
        clock: DiscordClock,
        age_s: float,
        deadline_s: float,
    ) -> None:
        self._handler, self._journal, self._metrics, self._clock = handler, journal, metrics, clock
        self._age_s, self._deadline_s = age_s, deadline_s
        self._newest: OrderedDict[int, Seen] = OrderedDict()
        self._unsaved: dict[int, Seen] = {}
        self._before: dict[int, Seen] = {}

    async def load(self) -> None:
        """Read what a process before this one had seen."""
        self._newest = OrderedDict(await self._journal.seen()) | self._newest
        if _ALIVE in self._newest and _HERE in self._newest:
            self._clock.resume(self._newest[_ALIVE].message_id, self._newest[_HERE].message_id)

    def saw(self, message: discord.Message) -> None:
        """Every message that arrives, whoever wrote it."""
        self._clock.heed(message.id)
        self._note(message.channel.id, Seen(message.id, private=guild_id_of(message) is None))

    def session_began(self) -> None:
        """A new session, before its first message: what was seen until now is what the catching up starts from."""
        # Of several shards' sessions that begin together the first one counts.
        self._before = dict(self._newest) | self._before

    async def run(self, _: discord.Client, status: Status) -> None:
        """Keeps the journal up to date while a client lives. Runs until cancelled."""
        try:
            while True:
                await asyncio.sleep(_SAVE_EVERY_S)
                await self._save(status)
        finally:
            await self._save(status)

    async def _save(self, status: Status) -> None:
        if status.state is State.READY:
            self._note(_ALIVE, Seen(self._clock.now_as_id(), private=False))
            self._note(_HERE, Seen(self._clock.here_as_id(), private=False))
        unsaved, self._unsaved = self._unsaved, {}
        if not unsaved:
            return
        try:
            await self._journal.saw(unsaved)
        except SQLAlchemyError as error:
            # A database that is away must not cost the connection; the next time it is told.
            log.warning("seen_not_kept", error=type(error).__name__)
            self._unsaved = unsaved | self._unsaved

    async def answer_missed(self, client: discord.Client) -> None:
        """Answer what addressed the bot since the last session and was not answered."""
        before, self._before = self._before, {}
        if not before or not self._age_s or client.user is None:
            return
        me = client.user
        gaps = list(itertools.islice(self._gaps(client, before), _MOST_CHANNELS))
        missed = [message for gap in gaps async for message in self._messages(gap)]
        turns = asyncio.Semaphore(_AT_ONCE)

        async def handle(message: discord.Message) -> bool:
            async with turns:
                return await self._handler.handle(message, me, missed=True)

        taken = await asyncio.gather(*(handle(message) for message in missed))
        self._metrics.caught_up.inc(sum(taken))
        if gaps:
            log.info("caught_up", channels=len(gaps), messages=len(missed), answered=sum(taken))

    def _note(self, channel_id: int, seen: Seen) -> None:
        self._newest[channel_id] = self._unsaved[channel_id] = seen
        self._newest.move_to_end(channel_id)
        if len(self._newest) > _REMEMBERED:
            self._newest.popitem(last=False)

    def _gaps(self, client: discord.Client, before: dict[int, Seen]) -> Iterator[_Gap]:
        """Channels and threads with something new, the busiest-last first, then direct messages."""
        oldest = self._clock.since(self._age_s)
        unknown = before.get(_ALIVE, Seen(self._clock.now_as_id(), private=False))
        places: list[_Place] = []
        for guild in client.guilds:
            places += guild.text_channels
            places += guild.threads
        places.sort(key=lambda place: place.last_message_id or 0, reverse=True)
        for place in places:
            after = max(oldest, before.get(place.id, unknown).message_id)
            # Where the newest message is not told, one looks where something was written before.
            newest = place.last_message_id or (after + 1 if place.id in before else 0)
            if newest > after and _readable(place):
                yield _Gap(place, after)
        for channel_id, seen in before.items():
            if seen.private and seen.message_id > oldest:
                direct = client.get_partial_messageable(channel_id, type=discord.ChannelType.private)
                yield _Gap(direct, seen.message_id)

    async def _messages(self, gap: _Gap) -> AsyncIterator[discord.Message]:
        """The gap's messages, oldest first; none where Discord does not give them."""
        try:
            history = gap.channel.history(limit=_MOST_MESSAGES, after=discord.Object(gap.after), oldest_first=True)
            for message in await bounded(_all(history), self._deadline_s):
                yield message
        except Exception as error:  # noqa: BLE001 - what one channel answers must not cost the others' questions
            log.warning("history_refused", error=f"{type(error).__name__}: {error}")


async def _all(history: AsyncIterator[discord.Message]) -> list[discord.Message]:
    return [message async for message in history]


def _readable(place: _Place) -> bool:
    granted = place.permissions_for(place.guild.me)
    return granted.read_message_history and granted.view_channel
