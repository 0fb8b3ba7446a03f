"""Who answers what: each answer in flight is a row that its process keeps alive, so that another one can take over."""

import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from askmesh_kit.logs import get_logger
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from askmesh_bot.database.discord import DiscordTakenRow
from askmesh_bot.database.engine import Database
from askmesh_bot.database.models import now
from askmesh_bot.database.upsert import insert

if TYPE_CHECKING:
    # Not otherwise: this module is loaded where discord.py need not be installed.
    from askmesh_bot.frontends.discord.destinations import Post

log = get_logger("askmesh.discord.holds")

Kind = Literal["message", "post", "interaction"]
_BEAT_S = 1.5
# A row that did not beat for this long is nobody's. By the watcher's own clock: hosts' clocks differ.
SILENT_S = 6.0
_MOST_ORPHANS = 50


@dataclass(frozen=True)
class Orphan:
    """A row that may be nobody's. `shown`: channel and message of what was written of the answer."""

    message_id: int
    owner: str
    beat: int
    again: int
    kind: str
    channel_id: int
    language: str
    shown: Sequence[tuple[int, int]]
    at: datetime


class Held:
    """An answer of this process. Beats while the block runs; done after it, unless that was cancelled."""

    def __init__(self, holds: "Holds", message_id: int, again: int = 0, shown: Sequence[tuple[int, int]] = ()) -> None:
        self._holds, self.message_id, self.again = holds, message_id, again
        self.shown = list(shown)
        # The messages that an earlier try has left, to be edited instead of posting new ones.
        self.posts: list[Post] = []
        # Whether another process has, or may have, taken over: then not a word more is written.
        self.lost = False
        self._beaten = time.monotonic()
        self._done = False
        self._ended = asyncio.Event()
        self._beating: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._holds.running.add(self.message_id)
        self._beating = asyncio.create_task(self._beat())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        try:
            if self._beating is not None:
                # Not cancelled: it may be in the middle of a transaction.
                self._ended.set()
                await self._beating
            if kind is None or issubclass(kind, Exception):
                await self.done()
        finally:
            self._holds.running.discard(self.message_id)

    async def done(self) -> None:
        """The asker has been told how it ended: nobody is to answer any more."""
        if not self._done and not self.lost:
            self._done = True
            await self._holds.mark_done(self.message_id)

    async def show(self, written: Sequence[tuple[int, int]]) -> None:
        """Note the messages of the answer."""
        self.shown = list(written)
        await self._update(shown=[list(pair) for pair in written], beat=DiscordTakenRow.beat + 1)

    async def current(self) -> bool:
        """Whether this process may go on writing. Asks the database only where it has not for a while, as after a process
        was stopped and woke up."""
        if time.monotonic() - self._beaten > SILENT_S / 2:
            await self.confirm()
        return not self.lost

    async def confirm(self) -> bool:
        """Whether this process still is the one to answer."""
        await self._update(beat=DiscordTakenRow.beat + 1)
        return not self.lost

    async def _beat(self) -> None:
        while not self.lost:
            try:
                async with asyncio.timeout(_BEAT_S):
                    await self._ended.wait()
                return
            except TimeoutError:
                await self.confirm()

    async def _update(self, **values: Any) -> None:
        try:
            began = time.monotonic()
            if await self._holds.update(self.message_id, **values):
                self._beaten = began
            else:
                log.warning("answer_taken_over", message=self.message_id)
                self.lost = True
        except SQLAlchemyError as error:
            log.warning("not_noted", message=self.message_id, error=type(error).__name__)
            # For others it is silent by now. Without a taker this process takes it over itself when the database is back.
            self.lost = self.lost or time.monotonic() - self._beaten > SILENT_S


class Holds:
    """What this process answers. One for its whole life: answers outlive connections and leading."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.owner = secrets.token_hex(8)
        self.running: set[int] = set()
        self._unmarked: set[int] = set()

    async def take(self, message_id: int, kind: Kind, channel_id: int, language: str) -> Held | None:
        """Take a question: None where it was taken before, by whomever. Raises SQLAlchemyError."""
        values = {"message_id": message_id, "at": now(), "done": False, "owner": self.owner}
        values |= {"kind": kind, "channel_id": channel_id, "language": language}
        async with self._database.write() as session:
            statement = insert(session, DiscordTakenRow).values(**values).on_conflict_do_nothing()
            mine = await session.scalar(statement.returning(DiscordTakenRow.message_id)) is not None
        return Held(self, message_id) if mine else None

    async def orphans(self) -> list[Orphan]:
        """What is not done and not being answered here. Raises SQLAlchemyError."""
        for message_id in list(self._unmarked):
            await self.mark_done(message_id)
        query = select(DiscordTakenRow).where(DiscordTakenRow.done.is_(False)).order_by(DiscordTakenRow.at)
        async with self._database.read() as session:
            rows = await session.scalars(query.limit(_MOST_ORPHANS))
            return [
                _orphan(row)
                for row in rows
                if row.message_id not in self.running and row.message_id not in self._unmarked
            ]

    async def take_over(self, orphan: Orphan) -> Held | None:
        """None where it is alive after all, or somebody else was quicker. Raises SQLAlchemyError."""
        table = DiscordTakenRow
        unchanged = (table.owner == orphan.owner, table.beat == orphan.beat, table.done.is_(False))
        statement = update(table).where(table.message_id == orphan.message_id, *unchanged)
        values = {"owner": self.owner, "beat": orphan.beat + 1, "again": orphan.again + 1}
        async with self._database.write() as session:
            mine = await session.scalar(statement.values(**values).returning(table.message_id)) is not None
        return Held(self, orphan.message_id, orphan.again + 1, orphan.shown) if mine else None

    async def mark_done(self, message_id: int) -> None:
        """What the database refuses now is tried again with the next look for orphans."""
        try:
            await self.update(message_id, done=True)
            self._unmarked.discard(message_id)
        except SQLAlchemyError as error:
            log.warning("not_marked_done", message=message_id, error=type(error).__name__)
            self._unmarked.add(message_id)

    async def update(self, message_id: int, **values: Any) -> bool:
        """Whether the row still was this process's. Raises SQLAlchemyError."""
        table = DiscordTakenRow
        statement = update(table).where(table.message_id == message_id, table.owner == self.owner)
        async with self._database.write() as session:
            return await session.scalar(statement.values(**values).returning(table.message_id)) is not None


def _orphan(row: DiscordTakenRow) -> Orphan:
    return Orphan(
        row.message_id,
        row.owner,
        row.beat,
        row.again,
        row.kind,
        row.channel_id or row.message_id,
        row.language,
        [(channel_id, message_id) for channel_id, message_id in row.shown],
        row.at,
    )
