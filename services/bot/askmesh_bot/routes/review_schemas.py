"""Wire shapes of `/v1/gaps` and `/v1/golden`."""

from datetime import datetime

from pydantic import BaseModel, Field

from askmesh_bot.database.models import GoldenRow
from askmesh_bot.review.gaps import Asked, Gaps, Near, Topic


class AskedInVain(BaseModel):
    """One question that was not answered, or not well."""

    answer_id: str
    question: str
    outcome: str
    rated_down: bool
    reason: str = Field(description="What its reader wrote, or else why there was no answer.")
    asked_at: datetime


class NearDocument(BaseModel):
    """A document that came near, and for how many of the questions."""

    title: str
    url: str
    source: str
    document: str
    questions: int


class TopicOut(BaseModel):
    """Questions of one topic, with the most typical ones."""

    questions: int
    unanswered: int
    rated_down: int
    last_asked_at: datetime
    examples: list[AskedInVain]
    nearest: list[NearDocument]


class GapsOut(BaseModel):
    """Topics that the sources say too little about, the most asked about first."""

    since: datetime
    questions: int
    topics: list[TopicOut]


class NewGolden(BaseModel):
    """An answer that is right."""

    answer_id: str = Field(min_length=1, max_length=64)
    question: str = Field("", max_length=2000, description="What to ask instead of the words that were used.")
    key_facts: list[str] = Field(
        default_factory=list, max_length=20, description="What a right answer contains, each of them."
    )


class Place(BaseModel):
    """Where the answer was found."""

    source: str | None
    document: str | None
    path: str | None
    header: str | None
    url: str | None
    line_start: int | None
    line_end: int | None


class Golden(BaseModel):
    """A question with the answer that was taken for right. Without `answerable` it must be refused."""

    id: str
    collection: str
    audience: list[str]
    question: str
    answer: str
    answerable: bool
    key_facts: list[str]
    places: list[Place]
    added_by: str
    added_at: datetime


class AddedGolden(Golden):
    """As it was kept."""

    follow_up: bool = Field(description="It was asked after others in these words: it may not stand alone.")


class GoldenList(BaseModel):
    """A page of golden answers; `next` is what to send as `after` for the next one."""

    data: list[Golden]
    next: str | None


def golden_out(row: GoldenRow) -> Golden:
    """A row on the wire. Its addresses are as kept: the bot's own begin with a slash."""
    return Golden.model_validate(row, from_attributes=True)


def gaps_out(gaps: Gaps, base_url: str, most: int) -> GapsOut:
    """The largest topics."""
    return GapsOut(
        since=gaps.since,
        questions=gaps.questions,
        topics=[_topic(topic, base_url) for topic in gaps.topics[:most]],
    )


def _topic(topic: Topic, base_url: str) -> TopicOut:
    return TopicOut(
        questions=topic.questions,
        unanswered=topic.unanswered,
        rated_down=topic.rated_down,
        last_asked_at=topic.last_asked_at,
        examples=[_asked(one) for one in topic.examples],
        nearest=[_near(one, base_url) for one in topic.nearest],
    )


def _asked(asked: Asked) -> AskedInVain:
    return AskedInVain.model_validate(asked, from_attributes=True)


def _near(near: Near, base_url: str) -> NearDocument:
    url = f"{base_url}{near.url}" if near.url.startswith("/") else near.url
    return NearDocument(**{**vars(near), "url": url})
