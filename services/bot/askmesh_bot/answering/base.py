"""What an assistant is asked and what it tells while answering. Failures are events, not exceptions."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Literal, Protocol


@dataclass(frozen=True)
class Turn:
    """One earlier exchange of a conversation."""

    question: str
    answer: str


@dataclass(frozen=True)
class Question:
    """What was asked, where to look, and on whose behalf."""

    text: str
    collection: str = "default"
    history: tuple[Turn, ...] = ()
    # Who will read the answer: only chunks that all of them may see are searched.
    audience: frozenset[str] = frozenset({"public"})
    # Source ids to keep to; empty means all.
    sources: tuple[str, ...] = ()
    # Whether a configured reranker is asked.
    rerank: bool = True


@dataclass(frozen=True)
class Passage:
    """A chunk retrieved for a question, numbered as the model sees it."""

    number: int
    id: str
    text: str
    header: str
    title: str
    # Opens the exact place; a path such as `/read/…` is relative to the bot's own address.
    url: str
    source: str
    document: str
    kind: str
    path: str = ""
    line_start: int | None = None
    line_end: int | None = None
    # Cosine similarity to the question, and the fused rank score; higher is better.
    similarity: float | None = None
    score: float = 0.0


@dataclass(frozen=True)
class Status:
    """What is being done, for people who wait."""

    stage: Literal["searching", "reading", "writing"]
    detail: str


@dataclass(frozen=True)
class Sources:
    """The passages the answer will be written from."""

    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class Delta:
    """The next checked piece of the answer, in Markdown, with [n] where passage n is cited."""

    text: str


@dataclass(frozen=True)
class Citation:
    """A passage now cited for the first time, with the sentence it supports."""

    passage: Passage
    sentence: str


Outcome = Literal["answered", "abstained", "sources_only"]


@dataclass(frozen=True)
class Done:
    """The whole answer. `abstained`: the sources don't hold it. `sources_only`: the model is down, its sources are not."""

    outcome: Outcome
    answer: str
    citations: tuple[Citation, ...] = ()
    # The nearest passages, cited or not: what to offer when abstaining.
    passages: tuple[Passage, ...] = ()
    reason: str = ""
    model: str = ""
    timings_ms: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """No answer, and why. `retryable`: the same question may succeed later."""

    code: str
    detail: str
    fix: str = ""
    retryable: bool = True


Event = Status | Sources | Delta | Citation | Done | Failed


class Assistant(Protocol):
    """The answering core. Ends with exactly one Done or Failed; cancelling the iteration stops the work."""

    def answer(self, question: Question) -> AsyncGenerator[Event, None]: ...
