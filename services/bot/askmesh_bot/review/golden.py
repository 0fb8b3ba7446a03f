"""Answers that were found to be right, kept as questions to measure later answers by."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from askmesh_kit.errors import Conflict, NotFound, Overloaded
from sqlalchemy import delete, func, select

from askmesh_bot.database.engine import Database
from askmesh_bot.database.models import AnswerRow, ConversationRow, GoldenRow, now
from askmesh_bot.database.upsert import insert
from askmesh_bot.settings import ReviewSettings

_PLACE = ("source", "document", "path", "header", "url", "line_start", "line_end")


class GoldenSet:
    """The golden answers of one database. An answer's deletion by its asker deletes them too: see ConversationStore."""

    def __init__(self, database: Database, settings: ReviewSettings) -> None:
        self._database, self._settings = database, settings

    async def add(
        self, answer_id: str, *, question: str = "", key_facts: Sequence[str] = (), added_by: str = ""
    ) -> GoldenRow:
        """Keep an answer with the places it cites; again, to change its question or facts.

        `question` is what to ask instead of the words that were used, for one that needs its conversation to be
        understood. An abstention becomes a question that must not be answered. Raises NotFound, Conflict for an answer
        the language model had no part in, and Overloaded when there are too many.
        """
        async with self._database.write() as session:
            answer = await session.get(AnswerRow, answer_id)
            if answer is None:
                raise _unknown(answer_id)
            if answer.outcome == "sources_only":
                raise Conflict(
                    "This answer was quoted while the language model was down.", fix="Ask again, then add that answer."
                )
            row = await session.get(GoldenRow, answer_id)
            if row is None:
                await self._refuse_too_many(await session.scalar(select(func.count()).select_from(GoldenRow)) or 0)
                conversation = await session.get_one(ConversationRow, answer.conversation_id)
                values = _copied(answer) | {"asker": conversation.asker, "question": answer.question, "key_facts": []}
                # A reaction and a command may come at once.
                await session.execute(insert(session, GoldenRow).values(**values).on_conflict_do_nothing())
                row = await session.get_one(GoldenRow, answer_id)
            row.question = question.strip() or answer.question
            row.key_facts = [fact for fact in (fact.strip() for fact in key_facts) if fact]
            row.added_by, row.added_at = added_by, now()
            return row

    async def rows(self, collection: str | None = None, after: str = "", limit: int = 100) -> list[GoldenRow]:
        """Golden answers by id, those after `after`."""
        query = select(GoldenRow).where(GoldenRow.id > after).order_by(GoldenRow.id).limit(limit)
        if collection is not None:
            query = query.where(GoldenRow.collection == collection)
        async with self._database.read() as session:
            return list(await session.scalars(query))

    async def follows(self, row: GoldenRow) -> bool:
        """Whether its question was asked in these words after others of its conversation, and may need them."""
        async with self._database.read() as session:
            answer = await session.get(AnswerRow, row.id)
            if answer is None or answer.question != row.question:
                return False
            earlier = (AnswerRow.conversation_id == row.conversation_id) & (AnswerRow.created_at < answer.created_at)
            return await session.scalar(select(AnswerRow.id).where(earlier).limit(1)) is not None

    async def remove(self, answer_id: str) -> None:
        """Raises NotFound."""
        async with self._database.write() as session:
            gone = await session.execute(delete(GoldenRow).where(GoldenRow.id == answer_id))
            if not gone.rowcount:  # type: ignore[attr-defined]
                raise NotFound(f"{answer_id} is not golden.", fix="GET /v1/golden lists those that are.")

    async def expire(self) -> int:
        """Delete what is past its time; how many went."""
        before = now() - timedelta(days=self._settings.golden_days)
        async with self._database.write() as session:
            gone = await session.execute(delete(GoldenRow).where(GoldenRow.added_at < before))
            return int(gone.rowcount)  # type: ignore[attr-defined]

    async def _refuse_too_many(self, there: int) -> None:
        if there >= self._settings.most_golden:
            raise Overloaded(
                f"There are {there} golden answers already.", fix="Remove some, or raise ASKMESH_REVIEW_MOST_GOLDEN."
            )


def _copied(answer: AnswerRow) -> dict[str, Any]:
    return {
        "id": answer.id,
        "conversation_id": answer.conversation_id,
        "collection": answer.collection,
        "audience": answer.audience,
        "answer": answer.answer,
        "answerable": answer.outcome == "answered",
        "places": [{name: item["passage"].get(name) for name in _PLACE} for item in answer.citations],
    }


def _unknown(answer_id: str) -> NotFound:
    return NotFound(
        f"There is no answer {answer_id}.",
        fix="Give the `answer_id` of an answer that is still kept, as /v1/ask gave it.",
    )
