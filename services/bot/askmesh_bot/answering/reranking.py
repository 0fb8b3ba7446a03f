"""The order by a cross-encoder, where one is configured. It only ever makes the order better: whatever goes wrong with it,
the order stays as it was, and the answer comes."""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import replace

from askmesh_kit import context
from askmesh_kit.logs import get_logger
from prometheus_client import CollectorRegistry, Counter

from askmesh_bot.answering.dating import asked_version, is_of_another, version_in
from askmesh_bot.answering.named_sources import in_named_source
from askmesh_bot.answering.retrieval import Candidate
from askmesh_bot.peers.errors import PeerError, PeerUnavailable
from askmesh_bot.peers.reranker import RerankerClient
from askmesh_bot.settings import RerankerPeer

log = get_logger("askmesh.answering")

# These concern one question; after anything else the next ones need not wait in vain too.
_OF_ONE_QUESTION = frozenset({400, 413, 422})
# Of the time that is left for the answer: the writing needs most of it.
_SHARE_OF_TIME = 0.25


class Reranking:
    """One reranker for all questions; after a failure it is left alone for a while."""

    def __init__(self, client: RerankerClient, settings: RerankerPeer, registry: CollectorRegistry) -> None:
        self._client, self._settings = client, settings
        self._failed, self._rests_until = "", 0.0
        self._outcomes = Counter(
            "askmesh_rerankings", "Questions whose passages were to be reranked", ["outcome"], registry=registry
        )

    async def ordered(self, question: str, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The candidates, the first of them in the reranker's order; all as they were where it can't be asked."""
        first = list(candidates[: self._settings.candidates])
        if len(first) < 2 or not question.strip():
            return list(candidates)
        scores = await self._scores(question, [text_of(one) for one in first])
        return [*reordered(question, first, scores), *candidates[len(first) :]] if scores else list(candidates)

    async def check(self) -> str | None:
        """A readiness check by what happened last: a call costs time, and money where it is somebody else's."""
        return self._failed or None

    async def _scores(self, question: str, texts: Sequence[str]) -> list[float]:
        if time.monotonic() < self._rests_until:
            self._outcomes.labels("resting").inc()
            return []
        allowed = min(self._settings.timeout_s, context.time_left(math.inf) * _SHARE_OF_TIME)
        try:
            async with asyncio.timeout(allowed):
                scores = await self._client.scores(question, texts)
        except TimeoutError:
            self._fail(f"The reranker at {self._client.url} did not answer within {allowed:.2g} s.")
        except PeerUnavailable as error:
            self._fail(error.message)
        except PeerError as error:
            self._fail(error.message, rest=error.peer_status not in _OF_ONE_QUESTION)
        else:
            self._failed = ""
            self._outcomes.labels("reranked").inc()
            return scores
        return []

    def _fail(self, why: str, *, rest: bool = True) -> None:
        self._outcomes.labels("failed").inc()
        log.warning("not_reranked", why=why, rest_s=self._settings.rest_s if rest else 0)
        self._failed = why
        if rest:
            self._rests_until = time.monotonic() + self._settings.rest_s


def text_of(candidate: Candidate) -> str:
    """What the reranker reads of a passage: where it stands, and what it says."""
    return f"{candidate.passage.header}\n{candidate.passage.text}".strip()


def reordered(question: str, candidates: Sequence[Candidate], scores: Sequence[float]) -> list[Candidate]:
    """The candidates by these scores, as many of each; passages of another version than the one that is asked for,
    or of another source, stay last.

    A passage's own score comes to mean its new place: the first place has the score that the first place had. What reads
    scores later, as how far the best is ahead, was fitted on that scale, and a reranker's is any.
    """
    asked = asked_version(question)
    named = in_named_source(question, [one.passage for one in candidates])

    def key(place: int) -> tuple[bool, bool, float]:
        passage = candidates[place].passage
        version = version_in(passage.path, passage.header, passage.kind, question) if asked else ()
        return not named[place], is_of_another(asked, version), -scores[place]

    # Python's sort is stable: among equals the order stays.
    order = sorted(range(len(candidates)), key=key)
    return [
        replace(candidates[place], passage=replace(candidates[place].passage, score=before.passage.score))
        for place, before in zip(order, candidates, strict=True)
    ]
