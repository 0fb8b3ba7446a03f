"""One answer, from the question to its last event."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass

from askmesh_kit.errors import Conflict, InvalidRequest, NotFound

from askmesh_bot.answering.base import Citation, Delta, Done, Outcome, Passage, Question, Sources, Status, Turn
from askmesh_bot.answering.calibration import DEFAULT, weights_of
from askmesh_bot.answering.citations import CitationCheck, Strictness
from askmesh_bot.answering.closeness import EmbeddingCloseness
from askmesh_bot.answering.draft import Draft
from askmesh_bot.answering.packing import distinct, numbered, pack
from askmesh_bot.answering.prompt import build_messages, new_nonce
from askmesh_bot.answering.quoting import quote_best
from askmesh_bot.answering.retrieval import Candidate, Retrieval
from askmesh_bot.answering.rewrite import rewrite
from askmesh_bot.answering.running import Emit
from askmesh_bot.answering.sufficiency import insufficient, measure, unmentioned, without_argument
from askmesh_bot.answering.terms import named_identifiers
from askmesh_bot.database.collections import Collections
from askmesh_bot.database.models import CollectionRow
from askmesh_bot.peers.embeddings import EmbeddingsClient
from askmesh_bot.peers.errors import Peer, PeerError, PeerUnavailable
from askmesh_bot.peers.llm import LlmClient
from askmesh_bot.settings import AnsweringSettings

_NEAREST = 5
# A server that ignores max_tokens is stopped here; no tokeniser makes tokens longer than this on average.
_CHARS_PER_TOKEN = 16


@dataclass(frozen=True)
class Means:
    """What every answer is made with."""

    collections: Collections
    retrieval: Retrieval
    embeddings: EmbeddingsClient
    llm: LlmClient
    settings: AnsweringSettings
    max_answer_tokens: int


class Answering:
    """The steps for one question. Failures leave `run` as ServiceErrors."""

    def __init__(self, means: Means, question: Question, emit: Emit) -> None:
        self._means, self._question, self._emit = means, question, emit
        self._query = rewrite(question.text, question.history)
        self._weights = DEFAULT
        self._began = time.perf_counter()
        self._timings: dict[str, float] = {}

    async def run(self) -> None:
        """Emit everything, ending with Done."""
        await self._emit(Status("searching", "Searching the sources"))
        collection = await self._collection()
        found = await self._search(collection)
        candidates = distinct(found, self._means.settings.passages)
        if reason := await self._insufficiency(collection, found):
            await self._abstain(reason, numbered(candidates))
            return
        await self._emit(Status("reading", f"Reading {len(candidates)} passages"))
        try:
            passages = await self._pack(candidates)
        except (PeerUnavailable, PeerError) as error:
            await self._quote(numbered(candidates), error)
            return
        await self._emit(Sources(tuple(passages)))
        await self._emit(Status("writing", "Writing the answer"))
        try:
            await self._write(passages)
        except (PeerUnavailable, PeerError) as error:
            await self._quote(passages, error)

    async def _collection(self) -> CollectionRow:
        name = self._question.collection
        collection = await self._means.collections.get(name)
        if collection is None:
            raise _nothing_learned(name)
        async with self._limited("embeddings"):
            model = await self._means.embeddings.model()
        if model.fingerprint != collection.fingerprint:
            raise Conflict(
                f"The collection “{name}” was learned with another embedding model than the service now runs ({model.id}).",
                fix="Run the embeddings service with the former model, or learn the sources again into a new collection.",
                code="index_mismatch",
            )
        self._weights = weights_of(model.fingerprint, model.id)
        return collection

    async def _search(self, collection: CollectionRow) -> list[Candidate]:
        retrieval = self._means.retrieval
        with self._timed("embed"):
            async with self._limited("embeddings"):
                vectors = await retrieval.embed(self._query)
        with self._timed("search"):
            async with self._limited("vectordb"):
                return await self._found(collection, vectors)

    async def _found(self, collection: CollectionRow, vectors: Sequence[Sequence[float]]) -> list[Candidate]:
        asked = self._question
        try:
            return await self._means.retrieval.search(collection, self._query, vectors, asked.audience, asked.sources)
        except PeerError as error:
            if error.peer_status == 404:
                raise _nothing_learned(asked.collection) from error
            raise

    async def _insufficiency(self, collection: CollectionRow, found: Sequence[Candidate]) -> str:
        """Why there can be no answer, or nothing."""
        if not found:
            return "no source that may be shown here has anything on it"
        settings = self._means.settings
        passages = [candidate.passage for candidate in found]
        with self._timed("gate"):
            text = self._question.text
            reason = insufficient(measure(text, found), self._weights, settings.min_chance)
            if reason := reason or without_argument(text, passages):
                return reason
            for name in unmentioned(named_identifiers(text), passages)[:3]:
                async with self._limited("vectordb"):
                    if not await self._means.retrieval.holds(collection, name, self._question.audience):
                        return f"`{name}` is not in the sources"
        return ""

    async def _pack(self, candidates: Sequence[Candidate]) -> list[Passage]:
        nonce = self._nonce([candidate.passage for candidate in candidates])
        llm = self._means.llm

        async def count(passages: Sequence[Passage]) -> int:
            return await llm.count_tokens(build_messages(self._query, passages, self._history, nonce))

        with self._timed("pack"):
            async with self._limited("llm"):
                room = (await llm.model()).max_model_len
                passages = await pack(candidates, count, room - self._answer_tokens(room))
        if not passages:
            raise InvalidRequest(
                f"The question and its sources do not fit into the model's {room} tokens.",
                fix="Ask more briefly.",
                code="context_exceeded",
            )
        return passages

    async def _write(self, passages: Sequence[Passage]) -> None:
        means, settings = self._means, self._means.settings
        strictness = Strictness(settings.min_support, settings.min_closeness, settings.unsupported)
        draft = Draft(CitationCheck(passages, strictness, EmbeddingCloseness(means.embeddings)))
        model = await means.llm.model()
        messages = build_messages(self._query, passages, self._history, self._nonce(passages))
        written, most = 0, self._answer_tokens(model.max_model_len)
        with self._timed("write"):
            async with aclosing(means.llm.stream(messages, max_tokens=most)) as stream:
                async for text in stream:
                    written += len(text)
                    await self._tell(await draft.add(text))
                    if draft.refused or written > most * _CHARS_PER_TOKEN:
                        break
            await self._tell(await draft.finish())
        if draft.citations:
            await self._done("answered", draft.answer, draft.citations, passages, model=model.id)
        elif draft.refused or not draft.dropped:
            await self._abstain("the passages found do not hold the answer", passages, model.id)
        else:
            await self._abstain("what the model wrote is not supported by the passages found", passages, model.id)

    async def _quote(self, passages: Sequence[Passage], error: PeerUnavailable | PeerError) -> None:
        await self._emit(Sources(tuple(passages)))
        quotes, citations = quote_best(self._query.standalone, passages)
        text = f"The language model can’t be used now. These sentences of the sources come nearest:\n\n{quotes}"
        await self._done("sources_only", text, citations, passages, reason=error.message)

    async def _abstain(self, reason: str, passages: Sequence[Passage], model: str = "") -> None:
        text = f"The sources do not hold an answer to this: {reason}."
        await self._done("abstained", text, (), passages[:_NEAREST], reason=reason, model=model)

    async def _done(
        self,
        outcome: Outcome,
        answer: str,
        citations: tuple[Citation, ...],
        passages: Sequence[Passage],
        *,
        reason: str = "",
        model: str = "",
    ) -> None:
        self._timings["total"] = round((time.perf_counter() - self._began) * 1000, 1)
        await self._emit(Done(outcome, answer, citations, tuple(passages), reason, model, dict(self._timings)))

    async def _tell(self, events: Sequence[Citation | Delta]) -> None:
        for event in events:
            self._timings.setdefault("first_sentence", round((time.perf_counter() - self._began) * 1000, 1))
            await self._emit(event)

    @property
    def _history(self) -> Sequence[Turn]:
        turns = self._means.settings.history_turns
        return self._question.history[-turns:] if turns else ()

    def _nonce(self, passages: Sequence[Passage]) -> str:
        return new_nonce([self._query.standalone, *(f"{passage.header}\n{passage.text}" for passage in passages)])

    def _answer_tokens(self, room: int) -> int:
        # A small context is not spent on the answer alone.
        return min(self._means.max_answer_tokens, room // 4)

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self._timings[step] = round((time.perf_counter() - began) * 1000, 1)

    @asynccontextmanager
    async def _limited(self, peer: Peer) -> AsyncIterator[None]:
        """What comes before the writing is quick or not at all: whoever asks is told within seconds."""
        seconds = self._means.settings.search_timeout_s
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError as error:
            url = {"embeddings": self._means.embeddings.url, "llm": self._means.llm.url}.get(
                peer, self._means.retrieval.vectordb_url
            )
            raise PeerUnavailable(peer, url, f"it did not answer within {seconds:g} s") from error


def _nothing_learned(collection: str) -> NotFound:
    return NotFound(
        f"Nothing has been learned into the collection “{collection}” yet.",
        fix="Run `askmesh learn PATH`, then ask again.",
        code="nothing_learned",
    )
