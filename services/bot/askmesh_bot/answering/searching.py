"""The steps before the writing: where to look, what is found there, and whether that is enough."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from askmesh_kit.errors import Conflict, NotFound

from askmesh_bot.answering.base import Question
from askmesh_bot.answering.calibration import Weights, weights_of
from askmesh_bot.answering.named_sources import plain
from askmesh_bot.answering.retrieval import Candidate, Retrieval
from askmesh_bot.answering.rewrite import Rewritten
from askmesh_bot.answering.smalltalk import example_questions, opening_query
from askmesh_bot.answering.spelling import corrected, corrections, similar
from askmesh_bot.answering.sufficiency import insufficient, looked_up, measure, unmentioned, without_argument
from askmesh_bot.answering.terms import named_identifiers
from askmesh_bot.answering.timing import Timings, limited
from askmesh_bot.database.collections import Collections
from askmesh_bot.database.models import CollectionRow
from askmesh_bot.peers.embeddings import EmbeddingsClient
from askmesh_bot.peers.errors import Peer, PeerError
from askmesh_bot.settings import AnsweringSettings


@dataclass(frozen=True)
class _Ranked:
    """Candidates, best first, and the question that they are judged by."""

    candidates: list[Candidate]
    asked: str


@dataclass(frozen=True)
class Found:
    """What was found, for the question as it was read: `meant` has the words that were taken for misspelled."""

    candidates: list[Candidate]
    query: Rewritten
    meant: dict[str, str]
    # Why there can be no answer from it, or nothing.
    insufficiency: str = ""


class Searching:
    """Searches for one question. Failures leave as ServiceErrors."""

    def __init__(
        self,
        collections: Collections,
        retrieval: Retrieval,
        embeddings: EmbeddingsClient,
        settings: AnsweringSettings,
        timings: Timings,
    ) -> None:
        self._collections, self._retrieval, self._embeddings = collections, retrieval, embeddings
        self._settings, self._timings = settings, timings

    async def find(self, question: Question, query: Rewritten) -> Found:
        """The candidates, best first, and whether they hold an answer."""
        collection, weights = await self._collection(question.collection)
        ranked = await self._search(collection, question, query)
        with self._timings.step("gate"):
            meant = corrections(ranked.asked, [one.passage for one in ranked.candidates])
        if meant:
            again = Rewritten(
                corrected(query.raw, meant), query.carried, corrected(query.whole, meant) if query.whole else ""
            )
            better = await self._search(collection, question, again)
            if self._chance(better, weights) > self._chance(ranked, weights):
                ranked, query = better, again
            else:
                meant = {}
        reason = await self._insufficiency(collection, question, ranked, weights)
        return Found(ranked.candidates, query, meant, reason)

    async def examples(self, question: Question) -> list[str]:
        """Questions that the sources which these readers may see should answer."""
        collection, _ = await self._collection(question.collection)
        opening = Rewritten(opening_query())
        ranked = await self._search(collection, question, opening)
        return example_questions([one.passage for one in ranked.candidates])

    async def _collection(self, name: str) -> tuple[CollectionRow, Weights]:
        collection = await self._collections.get(name)
        if collection is None:
            raise nothing_learned(name)
        async with self._limited("embeddings"):
            model = await self._embeddings.model()
        if model.fingerprint != collection.fingerprint:
            raise Conflict(
                f"The collection “{name}” was learned with another embedding model than the service now runs ({model.id}).",
                fix="Run the embeddings service with the former model, or learn the sources again into a new collection.",
                code="index_mismatch",
            )
        return collection, weights_of(model.fingerprint, model.id)

    async def _search(self, collection: CollectionRow, question: Question, query: Rewritten) -> _Ranked:
        with self._timings.step("embed"):
            async with self._limited("embeddings"):
                vectors = await self._retrieval.embed(query)
        try:
            with self._timings.step("search"):
                async with self._limited("vectordb"):
                    matches = await self._retrieval.search(
                        collection, query, vectors, question.audience, question.sources
                    )
        except PeerError as error:
            if error.peer_status == 404:
                raise nothing_learned(question.collection) from error
            raise
        with self._timings.step("rank"):
            everything = [match for found in matches for match in found]
            return _Ranked(self._retrieval.ranked(query, matches), plain(asked_of(query), everything))

    def _chance(self, ranked: _Ranked, weights: Weights) -> float:
        with self._timings.step("gate"):
            return measure(ranked.asked, ranked.candidates).chance(weights)

    async def _insufficiency(
        self,
        collection: CollectionRow,
        question: Question,
        ranked: _Ranked,
        weights: Weights,
    ) -> str:
        found, text = ranked.candidates, ranked.asked
        if not found:
            return "no source that may be shown here has anything on it"
        passages = [candidate.passage for candidate in found]
        with self._timings.step("gate"):
            sure = looked_up(text, found)
            reason = "" if sure else insufficient(measure(text, found), weights, self._settings.min_chance)
            if reason := reason or without_argument(text, passages):
                return reason
        for name in unmentioned(named_identifiers(text), passages)[:3]:
            with self._timings.step("search"):
                async with self._limited("vectordb"):
                    known = await self._retrieval.holds(collection, name, question.audience)
            if not known:
                near = similar(name, passages)
                return f"`{name}` is not in the sources" + (f"; did you mean `{near}`?" if near else "")
        return ""

    def _limited(self, peer: Peer) -> AbstractAsyncContextManager[None]:
        url = self._embeddings.url if peer == "embeddings" else self._retrieval.vectordb_url
        return limited(peer, url, self._settings.search_timeout_s)


def asked_of(query: Rewritten) -> str:
    """What the passages are judged by: the question itself, or the whole one that a follow-up stands for."""
    return query.whole or query.raw


def nothing_learned(collection: str) -> NotFound:
    """The error where there is nothing to search."""
    return NotFound(
        f"Nothing has been learned into the collection “{collection}” yet.",
        fix="Run `askmesh learn PATH`, then ask again.",
        code="nothing_learned",
    )
