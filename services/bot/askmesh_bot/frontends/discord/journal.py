"""What must outlive a restart: which messages were taken, which thread continues which conversation, who opted out.

In the bot's database, so that whichever process connects next knows it, on this host or another.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase

from askmesh_bot.database.discord import (
    DiscordAnswerRow,
    DiscordOptOutRow,
    DiscordPersonRow,
    DiscordPlaceRow,
    DiscordSeenRow,
    DiscordSpentRow,
    DiscordTakenRow,
)
from askmesh_bot.database.engine import Database
from askmesh_bot.database.models import now
from askmesh_bot.database.upsert import insert

# `asked`: whose question it was; `accepted`: who accepted it.
What = Literal["asked", "accepted"]

_KEEP_TAKEN = timedelta(days=7)
_KEEP_PEOPLE = timedelta(days=366)
_KEEP_SPENT = timedelta(days=2)
_MOST_SEEN = 5_000


@dataclass(frozen=True)
class Place:
    """A thread, DM or message whose conversation can be continued. `silenced`: staff took over there."""

    conversation_id: str
    asker_id: int
    silenced: bool = False


@dataclass(frozen=True)
class Seen:
    """The newest message seen in a channel; `private`: a direct one."""

    message_id: int
    private: bool


class Journal:
    """Rows in and out. Every write is one short transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tidy(self) -> None:
        """Delete what is past its time."""
        async with self._database.write() as session:
            await session.execute(delete(DiscordTakenRow).where(DiscordTakenRow.at < now() - _KEEP_TAKEN))
            await session.execute(delete(DiscordPersonRow).where(DiscordPersonRow.at < now() - _KEEP_PEOPLE))
            await session.execute(delete(DiscordPlaceRow).where(DiscordPlaceRow.at < now() - _KEEP_PEOPLE))
            await session.execute(delete(DiscordSpentRow).where(DiscordSpentRow.day < _day(now() - _KEEP_SPENT)))
            newest = select(DiscordSeenRow.message_id).order_by(DiscordSeenRow.message_id.desc()).limit(_MOST_SEEN)
            await session.execute(delete(DiscordSeenRow).where(DiscordSeenRow.message_id.not_in(newest)))

    async def take(self, message_id: int) -> bool:
        """Whether this message is now ours to answer: False if it was taken before, also before a restart."""
        async with self._database.write() as session:
            statement = insert(session, DiscordTakenRow).values(message_id=message_id, at=now())
            taken = statement.on_conflict_do_nothing().returning(DiscordTakenRow.message_id)
            return await session.scalar(taken) is not None

    async def taken(self, message_ids: Collection[int]) -> set[int]:
        """Which of these were taken."""
        query = select(DiscordTakenRow.message_id).where(DiscordTakenRow.message_id.in_(message_ids))
        async with self._database.read() as session:
            return set(await session.scalars(query))

    async def remember(self, place_ids: Sequence[int], place: Place) -> None:
        """The conversation these threads, DMs or messages belong to from now on."""
        values = {"conversation_id": place.conversation_id, "asker_id": place.asker_id, "at": now()}
        async with self._database.write() as session:
            for place_id in place_ids:
                await _put(session, DiscordPlaceRow, {"place_id": place_id}, values, {"silenced": False})

    async def place(self, place_id: int) -> Place | None:
        async with self._database.read() as session:
            row = await session.get(DiscordPlaceRow, place_id)
            return Place(row.conversation_id, row.asker_id, row.silenced) if row else None

    async def silence(self, place_id: int) -> None:
        """Note that staff took over in a place."""
        statement = update(DiscordPlaceRow).where(DiscordPlaceRow.place_id == place_id)
        async with self._database.write() as session:
            await session.execute(statement.values(silenced=True))

    async def note(self, answer_id: str, what: What, user_id: int) -> None:
        """Whose question an answer answers, or who accepted it."""
        async with self._database.write() as session:
            await _put(
                session, DiscordPersonRow, {"answer_id": answer_id, "what": what}, {"user_id": user_id, "at": now()}
            )

    async def noted(self, user_id: int, what: What) -> list[str]:
        """The answers noted for this person."""
        table = DiscordPersonRow
        query = select(table.answer_id).where(table.user_id == user_id, table.what == what)
        async with self._database.read() as session:
            return list(await session.scalars(query))

    async def who(self, answer_id: str, what: What) -> int | None:
        """The person noted for an answer."""
        async with self._database.read() as session:
            row = await session.get(DiscordPersonRow, (answer_id, what))
            return row.user_id if row else None

    async def unnote(self, answer_id: str, what: What) -> None:
        """Note nobody for an answer any more."""
        table = DiscordPersonRow
        async with self._database.write() as session:
            await session.execute(delete(table).where(table.answer_id == answer_id, table.what == what))

    async def forget(self, user_id: int) -> None:
        """Everything about a person but whether they opted out."""
        async with self._database.write() as session:
            await session.execute(delete(DiscordPersonRow).where(DiscordPersonRow.user_id == user_id))
            await session.execute(delete(DiscordPlaceRow).where(DiscordPlaceRow.asker_id == user_id))
            await session.execute(delete(DiscordAnswerRow).where(DiscordAnswerRow.asker_id == user_id))

    async def opt_out(self, user_id: int, out: bool) -> None:
        async with self._database.write() as session:
            if out:
                await session.execute(
                    insert(session, DiscordOptOutRow).values(user_id=user_id).on_conflict_do_nothing()
                )
            else:
                await session.execute(delete(DiscordOptOutRow).where(DiscordOptOutRow.user_id == user_id))

    async def opted_out(self, user_id: int) -> bool:
        async with self._database.read() as session:
            return await session.get(DiscordOptOutRow, user_id) is not None

    async def spend(self, guild_id: int, at: datetime) -> None:
        """Count one answer of a guild's day."""
        async with self._database.write() as session:
            statement = insert(session, DiscordSpentRow).values(guild_id=guild_id, day=_day(at), answers=1)
            await session.execute(
                statement.on_conflict_do_update(
                    index_elements=["guild_id", "day"], set_={"answers": DiscordSpentRow.answers + 1}
                )
            )

    async def spent(self, at: datetime) -> dict[int, int]:
        """Answers of a day, by guild."""
        query = select(DiscordSpentRow.guild_id, DiscordSpentRow.answers).where(DiscordSpentRow.day == _day(at))
        async with self._database.read() as session:
            return {row[0]: row[1] for row in await session.execute(query)}

    async def saw(self, newest: dict[int, Seen]) -> None:
        """The newest message seen in each of these channels."""
        async with self._database.write() as session:
            for channel_id, seen in newest.items():
                values = {"message_id": seen.message_id, "private": seen.private}
                await _put(session, DiscordSeenRow, {"channel_id": channel_id}, values)

    async def seen(self) -> dict[int, Seen]:
        """The newest message seen, by channel."""
        async with self._database.read() as session:
            rows = await session.scalars(select(DiscordSeenRow))
            return {row.channel_id: Seen(row.message_id, row.private) for row in rows}


async def _put(
    session: AsyncSession,
    table: type[DeclarativeBase],
    key: dict[str, Any],
    values: dict[str, Any],
    at_first: dict[str, Any] | None = None,
) -> None:
    """Insert or replace one row; `at_first`: values that only a new row gets."""
    statement = insert(session, table).values(**key, **values, **(at_first or {}))
    await session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def _day(at: datetime) -> str:
    return at.date().isoformat()
