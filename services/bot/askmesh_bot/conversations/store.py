"""Conversations, their answers and what people thought of them, in the bot's database."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from askmesh_bot.answering.base import Citation, Done, Question, Turn
from askmesh_bot.conversations.taken_back import take_back_early, threads_of
from askmesh_bot.database.engine import Database
from askmesh_bot.database.models import AnswerRow, AnswerThreadRow, ConversationRow, FeedbackRow, GoldenRow, now
from askmesh_bot.settings import ConversationSettings

# Ids in one statement: databases limit its parameters.
_BATCH = 500


class ConversationStore:
    """Rows in and out; who may see what is decided by its caller."""

    def __init__(self, database: Database, settings: ConversationSettings) -> None:
        self._database, self._settings = database, settings

    async def find(self, conversation_id: str) -> ConversationRow | None:
        async with self._database.read() as session:
            return await session.get(ConversationRow, conversation_id)

    async def answers(self, conversation_id: str) -> list[AnswerRow]:
        """All answers kept, oldest first."""
        async with self._database.read() as session:
            return list(await session.scalars(_of(conversation_id).order_by(AnswerRow.created_at, AnswerRow.id)))

    async def turns(self, conversation_id: str, audience: Collection[str], most: int) -> tuple[Turn, ...]:
        """The latest turns, oldest first, that everyone in `audience` may know: those told to them or to more people."""
        since = now() - timedelta(hours=self._settings.resume_hours)
        query = _of(conversation_id).where(AnswerRow.created_at >= since)
        async with self._database.read() as session:
            rows = list(await session.scalars(query.order_by(AnswerRow.created_at.desc(), AnswerRow.id).limit(most)))
        known = [row for row in reversed(rows) if set(row.audience) <= set(audience)]
        return tuple(Turn(row.question, row.answer if row.outcome == "answered" else "") for row in known)

    async def save(self, conversation_id: str, asker: str, question: Question, done: Done) -> str:
        """Keep an exchange; the id of its answer."""
        answer = AnswerRow(
            id=secrets.token_hex(16),
            conversation_id=conversation_id,
            collection=question.collection,
            audience=sorted(question.audience),
            question=question.text,
            answer=done.answer,
            outcome=done.outcome,
            reason=done.reason,
            citations=[_citation(citation) for citation in done.citations],
            passages=[asdict(passage) for passage in done.passages],
            model=done.model,
            timings_ms=dict(done.timings_ms),
            sources=list(question.sources),
        )
        async with self._database.write() as session:
            conversation = await session.get(ConversationRow, conversation_id)
            if conversation is None:
                session.add(ConversationRow(id=conversation_id, asker=asker))
                await session.flush()
            else:
                conversation.last_at = now()
            threads = threads_of(answer.passages)
            await take_back_early(session, answer)
            session.add(answer)
            await session.flush()
            session.add_all(AnswerThreadRow(answer_id=answer.id, source=one, document=two) for one, two in threads)
            await self._trim(session, conversation_id)
        return answer.id

    async def delete(self, conversation_id: str) -> None:
        """Forget a conversation, its answers, the feedback on them, and what was taken for golden of them."""
        async with self._database.write() as session:
            await session.execute(delete(GoldenRow).where(GoldenRow.conversation_id == conversation_id))
            await session.execute(delete(ConversationRow).where(ConversationRow.id == conversation_id))

    @property
    def keep_days(self) -> float:
        return self._settings.keep_days

    async def forget(self, asker: str, answers: Sequence[str]) -> int:
        """Delete the conversations of `asker`, their feedback and these answers; how many conversations went."""
        async with self._database.write() as session:
            await session.execute(delete(FeedbackRow).where(FeedbackRow.rater == asker))
            for start in range(0, len(answers), _BATCH):
                ids = answers[start : start + _BATCH]
                await session.execute(delete(AnswerRow).where(AnswerRow.id.in_(ids)))
                await session.execute(delete(GoldenRow).where(GoldenRow.id.in_(ids)))
            await session.execute(delete(GoldenRow).where(GoldenRow.asker == asker))
            gone = await session.execute(delete(ConversationRow).where(ConversationRow.asker == asker))
            return int(gone.rowcount)  # type: ignore[attr-defined]

    async def asker_of(self, answer_id: str) -> str | None:
        """Whose answer it is; None where there is none."""
        query = select(ConversationRow.asker).join(AnswerRow).where(AnswerRow.id == answer_id)
        async with self._database.read() as session:
            return await session.scalar(query)

    async def rate(self, answer_id: str, verdict: str, reason: str, rater: str = "") -> None:
        """Keep somebody's verdict on an answer that exists, instead of their earlier one. The same verdict without a
        reason leaves the reason that was given."""
        async with self._database.write() as session:
            row = await session.get(FeedbackRow, (answer_id, rater))
            if row is not None and row.verdict == verdict:
                reason = reason or row.reason
            told = FeedbackRow(answer_id=answer_id, rater=rater, verdict=verdict, reason=reason, created_at=now())
            await session.merge(told)

    async def expire(self) -> int:
        """Delete conversations that are too old or too many; how many went."""
        before = now() - timedelta(days=self._settings.keep_days)
        async with self._database.write() as session:
            old = await session.execute(delete(ConversationRow).where(ConversationRow.last_at < before))
            there = await session.scalar(select(func.count()).select_from(ConversationRow)) or 0
            excess = max(0, there - self._settings.most_conversations)
            idle = select(ConversationRow.id).order_by(ConversationRow.last_at).limit(excess).scalar_subquery()
            if excess:
                await session.execute(delete(ConversationRow).where(ConversationRow.id.in_(idle)))
            return int(old.rowcount) + excess  # type: ignore[attr-defined]

    async def _trim(self, session: AsyncSession, conversation_id: str) -> None:
        latest = AnswerRow.created_at.desc(), AnswerRow.id
        kept = select(AnswerRow.id).where(AnswerRow.conversation_id == conversation_id).order_by(*latest)
        too_many = list(await session.scalars(kept.offset(self._settings.most_answers).limit(1000)))
        if too_many:
            await session.execute(delete(AnswerRow).where(AnswerRow.id.in_(too_many)))


def _of(conversation_id: str) -> Any:
    return select(AnswerRow).where(AnswerRow.conversation_id == conversation_id)


def _citation(citation: Citation) -> dict[str, Any]:
    return {"sentence": citation.sentence, "passage": asdict(citation.passage)}
