"""Which messages show which answers, and whether what they cite still stands."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from askmesh_kit.logs import get_logger
from sqlalchemy import delete, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from askmesh_bot.answering.base import Done
from askmesh_bot.conversations.service import Answered
from askmesh_bot.conversations.taken_back import REASON
from askmesh_bot.database.discord import DiscordAnswerRow
from askmesh_bot.database.engine import Database
from askmesh_bot.database.models import AnswerRow, ChunkRow, CollectionRow, DocumentRow, SourceRow, now

log = get_logger("askmesh.discord.published")

# Ids in one statement: databases limit its parameters.
_BATCH = 500
_ACCEPTED_WITHIN = timedelta(days=30)
# No record's hash: of one that changed or went while the answer was written.
_CHANGED = "changed"
# By source and id.
_Document = tuple[str, str]


@dataclass(frozen=True)
class Shown:
    """A message with an answer in it."""

    message_id: int
    channel_id: int
    answer_id: str
    asker_id: int
    cited: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Outdated:
    """An answer whose source changed; `deleted`: it is gone."""

    shown: Shown
    deleted: bool


class Published:
    """Notes the records an answer cites, with their hashes; compares them with the journal of what was learned."""

    def __init__(self, database: Database, default_collection: str, most: int, days: float) -> None:
        """`most` answers of at most `days` days are compared."""
        self._database, self._default = database, default_collection
        self._most, self._age = most, timedelta(days=days)
        self._watched: dict[int, Shown] = {}

    async def tidy(self) -> None:
        """Forget answers to which nothing happens any more."""
        async with self._database.write() as session:
            before = now() - max(self._age, _ACCEPTED_WITHIN)
            await session.execute(delete(DiscordAnswerRow).where(DiscordAnswerRow.at < before))

    async def load(self) -> None:
        """Read what is to be watched."""
        table = DiscordAnswerRow
        query = select(table).where(table.marked_at.is_(None), table.at >= now() - self._age).order_by(table.at.desc())
        async with self._database.read() as session:
            rows = list(await session.scalars(query.limit(self._most)))
        self._watched = {row.message_id: _shown(row) for row in reversed(rows) if row.cited}

    async def note(
        self, written: Sequence[tuple[int, int]], asker_id: int, collection: str | None, kept: Answered
    ) -> None:
        """Note the messages, as (channel, message), that show an answer. That it can't be noted is logged."""
        if not kept.answer_id or not written:
            return
        try:
            async with self._database.write() as session:
                cited = await _cited(session, collection or self._default, kept.done)
                for number, (channel_id, message_id) in enumerate(written):
                    values = {"channel_id": channel_id, "answer_id": kept.answer_id, "asker_id": asker_id}
                    # The first is the one that is marked.
                    row = DiscordAnswerRow(message_id=message_id, cited=[] if number else cited, at=now(), **values)
                    await session.merge(row)
        except SQLAlchemyError as error:
            log.warning("answer_not_noted", answer=kept.answer_id, error=str(error))
            return
        if cited and self._most:
            channel_id, message_id = written[0]
            self._watched[message_id] = Shown(message_id, channel_id, kept.answer_id, asker_id, tuple(cited))
            while len(self._watched) > self._most:
                del self._watched[next(iter(self._watched))]

    async def answer_in(self, message_id: int) -> Shown | None:
        """The answer that a message shows."""
        async with self._database.read() as session:
            row = await session.get(DiscordAnswerRow, message_id)
            return _shown(row) if row else None

    async def emptied(self, shown: Shown) -> list[tuple[int, int]] | None:
        """The messages, as (channel, message), of an answer that lost its words because it rested on what somebody took
        back; None where it has them, or where no more than the learning of its sources was switched off."""
        table = DiscordAnswerRow
        query = select(table.channel_id, table.message_id).where(table.answer_id == shown.answer_id)
        async with self._database.read() as session:
            answer = await session.get(AnswerRow, shown.answer_id)
            if answer is None or answer.answer or answer.reason != REASON:
                return None
            sources = {(item["collection"], item["source"]) for item in shown.cited}
            if not any([await session.get(SourceRow, key) for key in sources]):
                return None
            return [(row[0], row[1]) for row in await session.execute(query.order_by(table.message_id))]

    async def unchanged(self, collection: str, documents: Iterable[_Document], since: datetime) -> set[_Document]:
        """Which of these documents are as they were then: neither deleted nor learned anew."""
        async with self._database.read() as session:
            return await _unchanged(session, collection, documents, since)

    async def outdated(self) -> list[Outdated]:
        """The answers whose cited records changed or vanished since."""
        watched = list(self._watched.values())
        if not watched:
            return []
        async with self._database.read() as session:
            models = {row.name: row.fingerprint for row in await session.scalars(select(CollectionRow))}
            states = {row.id: row.status for row in await session.scalars(select(SourceRow))}
            hashes = await _hashes(session, {item["record"] for one in watched for item in one.cited})
            found = []
            for one in watched:
                changed = [item for item in one.cited if _changed(item, models, states, hashes)]
                if changed:
                    found.append(Outdated(one, deleted=any([await _gone(session, item) for item in changed])))
        return found

    async def marked(self, message_id: int, *, gone: bool = False) -> None:
        """Note that a message says so now, or that it is not there any more."""
        self._watched.pop(message_id, None)
        table = DiscordAnswerRow
        async with self._database.write() as session:
            if gone:
                await session.execute(delete(table).where(table.message_id == message_id))
            else:
                await session.execute(update(table).where(table.message_id == message_id).values(marked_at=now()))

    def forget(self, asker_id: int) -> None:
        """Watch none of somebody's answers any more."""
        self._watched = {key: one for key, one in self._watched.items() if one.asker_id != asker_id}


def _changed(
    item: dict[str, Any], models: dict[str, str], states: dict[str, str], hashes: dict[tuple[str, str], str]
) -> bool:
    """Whether a cited record is not what it was."""
    state = states.get(item["source"])
    # While a source is learned its records come and go. With another embedding model every hash is another.
    if state is not None and (state != "ready" or models.get(item["collection"]) != item["fingerprint"]):
        return False
    return hashes.get((item["collection"], item["record"])) not in ("", item["hash"])


async def _gone(session: AsyncSession, item: dict[str, Any]) -> bool:
    """Whether the whole document is gone."""
    key = (item["collection"], item["source"], item["document"])
    return await session.get(DocumentRow, key) is None


async def _cited(session: AsyncSession, collection: str, done: Done) -> list[dict[str, Any]]:
    """The records an answer cites, with the hashes they were read with; none for one that is not that any more."""
    row = await session.get(CollectionRow, collection)
    if row is None:
        return []
    passages = {citation.passage.id: citation.passage for citation in done.citations}
    query = select(ChunkRow).where(ChunkRow.collection == collection, ChunkRow.record_id.in_(sorted(passages)))
    chunks = {chunk.record_id: chunk for chunk in await session.scalars(query)}
    began = now() - timedelta(milliseconds=done.timings_ms.get("total", 0.0))
    documents = {(passage.source, passage.document) for passage in passages.values()}
    same = await _unchanged(session, collection, documents, began)
    found = []
    for key, passage in passages.items():
        chunk, source = chunks.get(key), await session.get(SourceRow, (collection, passage.source))
        item = {"collection": collection, "fingerprint": row.fingerprint, "record": key}
        if source is not None and (passage.source, passage.document) not in same:
            found.append(item | {"source": passage.source, "document": passage.document, "hash": _CHANGED})
        elif chunk is not None and chunk.hash:
            found.append(item | {"source": chunk.source, "document": chunk.document, "hash": chunk.hash})
    return found


async def _unchanged(
    session: AsyncSession, collection: str, documents: Iterable[_Document], since: datetime
) -> set[_Document]:
    table, found = DocumentRow, set[_Document]()
    for source, document in set(documents):
        row = await session.scalar(
            select(table.synced_at).where(table.collection == collection, table.source == source, table.id == document)
        )
        if row is not None and row <= since:
            found.add((source, document))
    return found


async def _hashes(session: AsyncSession, records: set[str]) -> dict[tuple[str, str], str]:
    """The hashes that records have now, by collection and id."""
    found: dict[tuple[str, str], str] = {}
    ids = sorted(records)
    for start in range(0, len(ids), _BATCH):
        await asyncio.sleep(0)  # people are being answered meanwhile
        query = select(ChunkRow.collection, ChunkRow.record_id, ChunkRow.hash).where(
            ChunkRow.record_id.in_(ids[start : start + _BATCH])
        )
        found |= {(row[0], row[1]): row[2] for row in await session.execute(query)}
    return found


def _shown(row: DiscordAnswerRow) -> Shown:
    return Shown(row.message_id, row.channel_id, row.answer_id, row.asker_id, tuple(row.cited))
