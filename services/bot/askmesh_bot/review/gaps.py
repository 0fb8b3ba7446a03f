"""What was asked in vain: unanswered questions and bad answers by topic, with the documents that came nearest."""

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select

from askmesh_bot.database.engine import Database
from askmesh_bot.database.models import AnswerRow, FeedbackRow, now
from askmesh_bot.peers.embeddings import EmbeddingsClient
from askmesh_bot.review.clusters import central, clusters
from askmesh_bot.settings import ReviewSettings

# Rows read for one of the distinct questions that are sorted, at most: the same is asked many times.
_ROWS_PER_QUESTION = 5
_EXAMPLES, _NEAREST = 3, 3


@dataclass(frozen=True)
class Asked:
    """One exchange that went badly. `reason` is the bot's own, or what its reader wrote."""

    answer_id: str
    question: str
    outcome: str
    rated_down: bool
    reason: str
    asked_at: datetime
    passages: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Near:
    """A document that came near, and for how many of a topic's questions."""

    title: str
    url: str
    source: str
    document: str
    questions: int


@dataclass(frozen=True)
class Topic:
    """Questions of one topic; the examples are the most typical ones."""

    questions: int
    unanswered: int
    rated_down: int
    last_asked_at: datetime
    examples: tuple[Asked, ...]
    nearest: tuple[Near, ...]


@dataclass(frozen=True)
class Gaps:
    """The topics of a time, the most asked about first; `questions` is how many there were in all."""

    since: datetime
    questions: int
    topics: tuple[Topic, ...]


class GapFinder:
    """Reads what was kept of conversations: what was deleted, or never kept, is not there."""

    def __init__(self, database: Database, embeddings: EmbeddingsClient, settings: ReviewSettings) -> None:
        self._database, self._embeddings, self._settings = database, embeddings, settings

    async def find(self, days: float, collection: str | None = None) -> Gaps:
        """The newest questions of the last `days`, by topic. Raises PeerUnavailable or PeerError of the embeddings."""
        since = now() - timedelta(days=days)
        rows = await self._rows(since, collection)
        by_words: dict[str, list[Asked]] = {}
        for row in rows:
            key = _words(row.question)
            if key in by_words or len(by_words) < self._settings.gap_questions:
                by_words.setdefault(key, []).append(row)
        same = list(by_words.values())
        vectors = await self._embeddings.embed([group[0].question for group in same], "query") if same else []
        # In a thread: some hundred questions take a second, and people are being answered meanwhile.
        topics = await asyncio.to_thread(self._topics, same, vectors)
        return Gaps(since, sum(map(len, same)), topics)

    async def _rows(self, since: datetime, collection: str | None) -> list[Asked]:
        # Of several who rated it down, one who said why, the last of them.
        said = (
            select(FeedbackRow.reason)
            .where(FeedbackRow.answer_id == AnswerRow.id, FeedbackRow.verdict == "down")
            .order_by(FeedbackRow.reason == "", FeedbackRow.created_at.desc())
            .limit(1)
            .scalar_subquery()
        )
        query = (
            select(AnswerRow, said)
            .where(AnswerRow.created_at >= since, or_(AnswerRow.outcome == "abstained", said.is_not(None)))
            .order_by(AnswerRow.created_at.desc(), AnswerRow.id)
            .limit(self._settings.gap_questions * _ROWS_PER_QUESTION)
        )
        if collection is not None:
            query = query.where(AnswerRow.collection == collection)
        async with self._database.read() as session:
            return [_asked(answer, said) for answer, said in await session.execute(query)]

    def _topics(self, same: Sequence[Sequence[Asked]], vectors: Sequence[Sequence[float]]) -> tuple[Topic, ...]:
        found = [
            _topic([same[index] for index in central(vectors, group)])
            for group in clusters(vectors, self._settings.gap_closeness)
        ]
        found.sort(key=lambda topic: topic.last_asked_at, reverse=True)
        return tuple(sorted(found, key=lambda topic: -topic.questions))


def _topic(typical: Sequence[Sequence[Asked]]) -> Topic:
    """A topic from its questions, the most typical first, each with all the times that it was asked."""
    every = [asked for group in typical for asked in group]
    return Topic(
        questions=len(every),
        unanswered=sum(asked.outcome == "abstained" for asked in every),
        rated_down=sum(asked.rated_down for asked in every),
        last_asked_at=max(asked.asked_at for asked in every),
        examples=tuple(group[0] for group in typical[:_EXAMPLES]),
        nearest=_nearest(every),
    )


def _nearest(asked: Sequence[Asked]) -> tuple[Near, ...]:
    counts: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for one in asked:
        documents: dict[tuple[str, str], dict[str, Any]] = {}
        for item in one.passages:
            documents.setdefault((str(item.get("source")), str(item.get("document"))), item)
        counts.update(documents.keys())
        first = documents | first
    return tuple(
        Near(str(first[key].get("title") or key[1]), str(first[key].get("url") or ""), *key, questions=count)
        for key, count in counts.most_common(_NEAREST)
    )


def _asked(answer: AnswerRow, said: str | None) -> Asked:
    """`said`: why it was rated down; None where it was not."""
    return Asked(
        answer_id=answer.id,
        question=answer.question,
        outcome=answer.outcome,
        rated_down=said is not None,
        reason=said or answer.reason,
        asked_at=answer.created_at,
        passages=tuple(answer.passages),
    )


def _words(question: str) -> str:
    return " ".join(re.findall(r"\w+", question.casefold())) or question
