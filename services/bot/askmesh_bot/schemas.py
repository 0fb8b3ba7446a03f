"""Wire shapes of the bot's own API."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from askmesh_bot.answering.base import Citation, Outcome, Passage
from askmesh_bot.conversations.service import Answered, Conversation

# Ids of other frontends' conversations have another form, so none of them can be named here.
ConversationId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="As an earlier answer gave it.")]
CollectionName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,44}$")]


class AskRequest(BaseModel):
    """A question."""

    question: str = Field(description="In plain words.", examples=["How do I read a text file?"], max_length=100_000)
    conversation_id: ConversationId | None = Field(None, description="Continues that conversation; absent: a new one.")
    collection: CollectionName | None = Field(None, description="Where to look; absent: the default collection.")
    sources: list[str] = Field(default_factory=list, max_length=100, description="Keep to these sources; empty: all.")
    stream: bool = Field(False, description="Answer as server-sent events.")
    keep: bool = Field(True, description="False: neither the question nor the answer is kept.")
    rerank: bool = Field(True, description="False: without the reranker, where there is one, to compare.")


class PassageOut(BaseModel):
    """A passage of a source, numbered as in the answer."""

    number: int
    id: str
    title: str
    header: str
    text: str
    url: str = Field(description="Opens the exact place.")
    source: str
    document: str
    kind: str
    path: str
    line_start: int | None
    line_end: int | None
    similarity: float | None = Field(description="Cosine to the question.")
    score: float = Field(description="Fused rank score; higher is better.")


class CitationOut(PassageOut):
    """A passage that the answer cites as [number], with the first sentence it supports."""

    sentence: str


class AnswerOut(BaseModel):
    """A whole answer. It is Markdown, with [n] for the citation of that number."""

    conversation_id: str
    answer_id: str = Field(description="For feedback; empty if the answer could not be kept.")
    outcome: Outcome = Field(
        description="abstained: the sources do not hold it. sources_only: the language model is down."
    )
    reason: str = Field(description="Why there is no written answer; empty where there is one.")
    answer: str
    citations: list[CitationOut]
    passages: list[PassageOut] = Field(description="What was read, cited or not; when abstaining, the nearest places.")
    model: str
    timings_ms: dict[str, float]


class PastAnswer(AnswerOut):
    """An answer of a conversation, with what was asked."""

    question: str
    created_at: datetime


class ConversationOut(BaseModel):
    """A conversation, oldest answer first."""

    conversation_id: str
    answers: list[PastAnswer]


class FeedbackRequest(BaseModel):
    """What a reader thought of an answer."""

    answer_id: str = Field(min_length=1, max_length=64)
    verdict: Literal["up", "down"]
    reason: str = Field("", max_length=2000)


def passage_out(passage: Passage, base_url: str) -> PassageOut:
    """A passage with an address that works from anywhere."""
    return PassageOut(**_absolute(asdict(passage), base_url))


def citation_out(citation: Citation, base_url: str) -> CitationOut:
    """A citation with an address that works from anywhere."""
    return CitationOut(sentence=citation.sentence, **_absolute(asdict(citation.passage), base_url))


def answer_out(answered: Answered, base_url: str) -> AnswerOut:
    """The whole answer."""
    done = answered.done
    return AnswerOut(
        conversation_id=answered.conversation_id,
        answer_id=answered.answer_id,
        outcome=done.outcome,
        reason=done.reason,
        answer=done.answer,
        citations=[citation_out(citation, base_url) for citation in done.citations],
        passages=[passage_out(passage, base_url) for passage in done.passages],
        model=done.model,
        timings_ms=done.timings_ms,
    )


def conversation_out(conversation: Conversation, base_url: str) -> ConversationOut:
    """Everything that is remembered of a conversation."""
    answers = [
        PastAnswer.model_validate(
            {
                "conversation_id": row.conversation_id,
                "answer_id": row.id,
                "outcome": row.outcome,
                "reason": row.reason,
                "answer": row.answer,
                "citations": [
                    {"sentence": item["sentence"], **_absolute(item["passage"], base_url)} for item in row.citations
                ],
                "passages": [_absolute(item, base_url) for item in row.passages],
                "model": row.model,
                "timings_ms": row.timings_ms,
                "question": row.question,
                "created_at": row.created_at,
            }
        )
        for row in conversation.answers
    ]
    return ConversationOut(conversation_id=conversation.id, answers=answers)


def _absolute(passage: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    url = passage["url"]
    return {**passage, "url": f"{base_url}{url}" if url.startswith("/") else url}
