"""Which threads are learned and which are to be read: in memory, written through to the database, so that nothing that
changed is forgotten by a restart."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from askmesh_kit.logs import get_logger
from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError

from askmesh_bot.database.discord import (
    DiscordLiveChannelRow,
    DiscordOptOutRow,
    DiscordReplyRow,
    DiscordThreadAuthorRow,
    DiscordThreadRow,
)
from askmesh_bot.database.engine import Database
from askmesh_bot.database.models import now
from askmesh_bot.database.upsert import insert
from askmesh_bot.frontends.discord.live.base import Because, Known, LiveChannel, Progress

log = get_logger("askmesh.discord.live")

_AT_ONCE = 200


class Notes:
    """Only the process that holds the gateway connection writes here."""

    def __init__(self, database: Database, most_threads: int) -> None:
        self._database, self._most = database, most_threads
        self._threads: dict[int, Known] = {}
        self._due: dict[int, Known] = {}
        # The question that a reply belongs to.
        self._questions: dict[int, int] = {}
        self.channels: dict[int, LiveChannel] = {}
        # Set when there is something to do.
        self.changed = asyncio.Event()

    async def load(self) -> None:
        """Read what a process before this one left. Raises SQLAlchemyError."""
        async with self._database.read() as session:
            threads = list(await session.scalars(select(DiscordThreadRow)))
            channels = list(await session.scalars(select(DiscordLiveChannelRow)))
            replies = list(await session.scalars(select(DiscordReplyRow)))
        self._threads = {row.thread_id: _known(row) for row in threads}
        self._due = {key: known for key, known in self._threads.items() if known.due_at is not None}
        self.channels = {row.channel_id: _channel(row) for row in channels}
        self._questions = {row.message_id: row.thread_id for row in replies}

    def holding(self, message_id: int) -> Known | None:
        """The thread or question that a message is known to be a part of, or is itself."""
        return self._threads.get(self._questions.get(message_id, message_id))

    def replies_to(self, thread_id: int) -> list[int]:
        """The messages that are known to be a part of a question's replies, oldest first."""
        return sorted(key for key, question in self._questions.items() if question == thread_id)

    def joins(self, message_id: int, known: Known) -> None:
        """A reply was written. It is kept when it is read."""
        self._questions[message_id] = known.thread_id

    def thread(self, thread_id: int) -> Known | None:
        return self._threads.get(thread_id)

    def in_channel(self, channel_id: int) -> list[Known]:
        return [known for known in self._threads.values() if known.channel_id == channel_id]

    def next_due(self) -> Known | None:
        """What to read next: what somebody changed just now before what is caught up."""
        return min(self._due.values(), key=lambda known: (not known.urgent, known.due_at), default=None)

    def next_at(self) -> datetime | None:
        """When something is to be read, at the earliest."""
        return min((known.due_at for known in self._due.values() if known.due_at), default=None)

    @property
    def waiting(self) -> int:
        return len(self._due)

    def progress(self, channel_id: int) -> Progress:
        channel, threads = self.channels.get(channel_id), self.in_channel(channel_id)
        return Progress(
            found=channel.found if channel else 0,
            left=sum(known.due_at is not None and not known.urgent for known in threads),
            learned=sum(bool(known.because) for known in threads),
            listing=bool(channel and channel.listing),
        )

    async def mark(self, threads: Iterable[Known], delay_s: float, *, urgent: bool) -> None:
        """These are to be read, `delay_s` from now at the latest. Later marks do not put it off."""
        due_at, marked = now() + timedelta(seconds=delay_s), list[Known]()
        for told in threads:
            known = self._threads.get(told.thread_id)
            if known is None:
                if len(self._threads) >= self._most:
                    log.warning("too_many_threads", most=self._most, fix="Raise ASKMESH_DISCORD_LIVE_THREADS.")
                    break
                known = self._threads[told.thread_id] = told
            # A thread may be opened on a question that had replies: then that is where it goes on.
            known.replies &= told.replies
            if known.due_at is None or due_at < known.due_at or (urgent and not known.urgent):
                known.due_at = due_at
            known.urgent |= urgent
            known.marks += 1
            self._due[known.thread_id] = known
            marked.append(known)
        self.changed.set()
        await self._keep(marked)

    async def read(
        self, known: Known, seen: int, because: Because, authors: Collection[int], replies: Collection[int] = ()
    ) -> None:
        """A thread was read as it was after `seen` marks. What may not be cited is forgotten."""
        known.tries, known.because = 0, because
        if known.marks == seen:
            known.due_at, known.urgent = None, False
            self._due.pop(known.thread_id, None)
        kept = bool(because) or known.due_at is not None
        if not kept:
            self._threads.pop(known.thread_id, None)
        self._join(known, replies)
        table, parts = DiscordThreadAuthorRow, DiscordReplyRow
        async with self._database.write() as session:
            await session.execute(delete(table).where(table.thread_id == known.thread_id))
            session.add_all(table(thread_id=known.thread_id, user_id=user) for user in authors if because)
            await session.execute(delete(parts).where(parts.thread_id == known.thread_id))
            session.add_all(parts(message_id=one, thread_id=known.thread_id) for one in replies)
            if kept:
                await session.merge(_row(known))
            else:
                await session.execute(delete(DiscordThreadRow).where(DiscordThreadRow.thread_id == known.thread_id))

    def _join(self, known: Known, replies: Collection[int]) -> None:
        for message_id in self.replies_to(known.thread_id):
            del self._questions[message_id]
        self._questions |= dict.fromkeys(replies, known.thread_id)

    async def add_authors(self, known: Known, authors: Collection[int]) -> None:
        """Note whose words are about to be learned."""
        table = DiscordThreadAuthorRow
        async with self._database.write() as session:
            for user_id in authors:
                values = {"thread_id": known.thread_id, "user_id": user_id}
                await session.execute(insert(session, table).values(**values).on_conflict_do_nothing())

    async def later(self, known: Known, delay_s: float) -> None:
        """Reading failed: try again."""
        known.tries += 1
        known.due_at = now() + timedelta(seconds=delay_s)
        await self._keep([known])

    async def by(self, user_id: int) -> list[Known]:
        """The threads that hold somebody's words."""
        query = select(DiscordThreadAuthorRow.thread_id).where(DiscordThreadAuthorRow.user_id == user_id)
        async with self._database.read() as session:
            ids = list(await session.scalars(query))
        return [known for thread_id in ids if (known := self._threads.get(thread_id))]

    async def opted_out(self, user_ids: Collection[int]) -> set[int]:
        """Those of them who want nothing kept."""
        table = DiscordOptOutRow
        async with self._database.read() as session:
            return set(await session.scalars(select(table.user_id).where(table.user_id.in_(user_ids))))

    async def keep_channel(self, channel: LiveChannel) -> None:
        """Add or change a channel. Raises SQLAlchemyError."""
        self.channels[channel.channel_id] = channel
        self.changed.set()
        async with self._database.write() as session:
            await session.merge(DiscordLiveChannelRow(**asdict(channel)))

    async def drop_channel(self, channel_id: int) -> None:
        """Forget a channel and its threads; what was learned of them must be gone already. Raises SQLAlchemyError."""
        ids = select(DiscordThreadRow.thread_id).where(DiscordThreadRow.channel_id == channel_id)
        async with self._database.write() as session:
            await session.execute(delete(DiscordThreadAuthorRow).where(DiscordThreadAuthorRow.thread_id.in_(ids)))
            await session.execute(delete(DiscordReplyRow).where(DiscordReplyRow.thread_id.in_(ids)))
            await session.execute(delete(DiscordThreadRow).where(DiscordThreadRow.channel_id == channel_id))
            await session.execute(delete(DiscordLiveChannelRow).where(DiscordLiveChannelRow.channel_id == channel_id))
        for known in self.in_channel(channel_id):
            self._join(known, ())
            del self._threads[known.thread_id]
            self._due.pop(known.thread_id, None)
        self.channels.pop(channel_id, None)

    async def _keep(self, threads: Sequence[Known]) -> None:
        try:
            # A few at a time: others want to write, too.
            for start in range(0, len(threads), _AT_ONCE):
                async with self._database.write() as session:
                    for known in threads[start : start + _AT_ONCE]:
                        await session.merge(_row(known))
        except SQLAlchemyError as error:
            # It is still known in memory, and found again by the catching up.
            log.warning("mark_not_kept", threads=len(threads), error=type(error).__name__)


def _row(known: Known) -> DiscordThreadRow:
    return DiscordThreadRow(
        thread_id=known.thread_id,
        guild_id=known.guild_id,
        channel_id=known.channel_id,
        because=known.because,
        due_at=known.due_at,
        urgent=known.urgent,
        replies=known.replies,
    )


def _known(row: DiscordThreadRow) -> Known:
    because: Because = row.because  # type: ignore[assignment]
    return Known(row.thread_id, row.guild_id, row.channel_id, because, row.due_at, row.urgent, row.replies, found=True)


def _channel(row: DiscordLiveChannelRow) -> LiveChannel:
    return LiveChannel(row.channel_id, row.guild_id, row.alive_at, row.listing, row.cursor, row.found, row.read_before)
