"""One answer, from the question to its last event."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from dataclasses import dataclass

from askmesh_kit.errors import InvalidRequest, ServiceError

from askmesh_bot.answering.base import Citation, Delta, Done, Outcome, Passage, Question, Sources, Status, Turn
from askmesh_bot.answering.citations import CitationCheck, Strictness
from askmesh_bot.answering.closeness import EmbeddingCloseness
from askmesh_bot.answering.conflicts import newer_first
from askmesh_bot.answering.draft import Draft
from askmesh_bot.answering.llm_rewrite import rewritten_by
from askmesh_bot.answering.packing import distinct, near, numbered, pack
from askmesh_bot.answering.prompt import build_messages, new_nonce
from askmesh_bot.answering.quoting import quote_best
from askmesh_bot.answering.reranking import Reranking
from askmesh_bot.answering.retrieval import Candidate, Retrieval
from askmesh_bot.answering.rewrite import rewrite
from askmesh_bot.answering.running import Emit
from askmesh_bot.answering.searching import Found, Searching
from askmesh_bot.answering.smalltalk import Kind, reply, small_talk
from askmesh_bot.answering.spelling import told
from askmesh_bot.answering.timing import Timings, limited
from askmesh_bot.database.collections import Collections
from askmesh_bot.peers.embeddings import EmbeddingsClient
from askmesh_bot.peers.errors import PeerError, PeerUnavailable
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
    reranking: Reranking | None = None


class Answering:
    """The steps for one question. Failures leave `run` as ServiceErrors."""

    def __init__(self, means: Means, question: Question, emit: Emit) -> None:
        self._means, self._question, self._emit = means, question, emit
        # Thanks between two questions say nothing of what the second one follows.
        self._turns = tuple(turn for turn in question.history if not small_talk(turn.question))
        self._query = rewrite(question.text, self._turns)
        self._timings = Timings()
        self._searching = Searching(means.collections, means.retrieval, means.embeddings, means.settings, self._timings)
        self._opening = ""

    async def run(self) -> None:
        """Emit everything, ending with Done."""
        if kind := small_talk(self._question.text):
            await self._greet(kind)
            return
        await self._emit(Status("searching", "Searching the sources"))
        await self._complete()
        found = await self._searching.find(self._question, self._query)
        self._query = found.query
        ordered = await self._reranked(found)
        with self._timings.step("rank"):
            candidates = newer_first(distinct(ordered, self._means.settings.passages))
        if found.insufficiency:
            await self._abstain(found.insufficiency, numbered(candidates), meant=found.meant)
            return
        await self._answer(found, candidates)

    async def _complete(self) -> None:
        """Have the model say what a follow-up leaves out, where one can; the rules have done so already."""
        settings = self._means.settings
        if self._query.follow_up and settings.rewrite == "auto":
            with self._timings.step("rewrite"):
                self._query = await rewritten_by(
                    self._means.llm, self._query, self._history, settings.rewrite_timeout_s
                )

    async def _reranked(self, found: Found) -> Sequence[Candidate]:
        """The candidates in the order of the reranker, where there is one and an answer to be written.

        The gate came before: it is calibrated on the order that was found, and what it refuses need not be reranked.
        """
        if self._means.reranking is None or found.insufficiency or not self._question.rerank:
            return found.candidates
        with self._timings.step("rerank"):
            return await self._means.reranking.ordered(found.query.standalone, found.candidates)

    async def _answer(self, found: Found, candidates: Sequence[Candidate]) -> None:
        if found.meant:
            self._opening = f"*{told(found.meant)}*\n\n"
        await self._emit(Status("reading", f"Reading {len(candidates)} passages"))
        try:
            passages = await self._pack(candidates)
        except (PeerUnavailable, PeerError) as error:
            await self._quote(numbered(candidates), error)
            return
        await self._emit(Sources(tuple(passages)))
        await self._emit(Status("writing", "Writing the answer"))
        strictness = self._strictness
        draft = Draft(CitationCheck(passages, strictness, EmbeddingCloseness(self._means.embeddings)), self._opening)
        try:
            await self._write(draft, passages)
        except (PeerUnavailable, PeerError) as error:
            await self._quote(draft.passages, error)

    async def _greet(self, kind: Kind) -> None:
        examples: list[str] = []
        # Pleasantries need no sources: without them there are just no examples.
        with suppress(ServiceError):
            examples = await self._searching.examples(self._question)
        text = reply(kind, examples)
        await self._emit(Delta(text))
        await self._done("answered", text, (), ())

    async def _pack(self, candidates: Sequence[Candidate]) -> list[Passage]:
        nonce = self._nonce([candidate.passage for candidate in candidates])
        llm = self._means.llm

        async def count(passages: Sequence[Passage]) -> int:
            return await llm.count_tokens(build_messages(self._query, passages, self._history, nonce))

        with self._timings.step("pack"):
            async with self._limited_llm():
                room = (await llm.model()).max_model_len
                passages = await pack(candidates, count, room - self._answer_tokens(room))
        if not passages:
            raise InvalidRequest(
                f"The question and its sources do not fit into the model's {room} tokens.",
                fix="Ask more briefly.",
                code="context_exceeded",
            )
        return passages

    async def _write(self, draft: Draft, passages: Sequence[Passage]) -> None:
        llm = self._means.llm
        model = await llm.model()
        # What only quotes is misled by what is far from the question; what reads finds out by itself.
        read = passages if model.writes_freely else near(passages)
        messages = build_messages(self._query, read, self._history, self._nonce(passages))
        written, most = 0, self._answer_tokens(model.max_model_len)
        with self._timings.step("write"):
            async with aclosing(llm.stream(messages, max_tokens=most)) as stream:
                async for text in stream:
                    written += len(text)
                    # A part of writing that is not the model's.
                    with self._timings.step("check"):
                        checked = await draft.add(text)
                    await self._tell(checked)
                    if draft.refused or written > most * _CHARS_PER_TOKEN:
                        break
            with self._timings.step("check"):
                checked = [*await draft.finish(), *draft.remark()]
            await self._tell(checked)
        if draft.citations:
            await self._done("answered", draft.answer, draft.citations, draft.passages, model=model.id)
        elif draft.refused or not draft.dropped:
            await self._abstain("the passages found do not hold the answer", passages, model.id)
        else:
            await self._abstain("what the model wrote is not supported by the passages found", passages, model.id)

    async def _quote(self, passages: Sequence[Passage], error: PeerUnavailable | PeerError) -> None:
        await self._emit(Sources(tuple(passages)))
        quotes, citations = quote_best(self._query.standalone, passages)
        text = f"The language model can’t be used now. These sentences of the sources come nearest:\n\n{quotes}"
        await self._done("sources_only", self._opening + text, citations, passages, reason=error.message)

    async def _abstain(
        self, reason: str, passages: Sequence[Passage], model: str = "", meant: dict[str, str] | None = None
    ) -> None:
        text = f"The sources do not hold an answer to this: {reason}{'' if reason.endswith('?') else '.'}"
        if meant:
            text += f" {told(meant)}"
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
        self._timings.mark("total")
        await self._emit(Done(outcome, answer, citations, tuple(passages), reason, model, self._timings.ms))

    async def _tell(self, events: Sequence[Sources | Citation | Delta]) -> None:
        for event in events:
            self._timings.mark("first_sentence")
            await self._emit(event)

    @property
    def _strictness(self) -> Strictness:
        settings = self._means.settings
        return Strictness(settings.min_support, settings.min_closeness, settings.unsupported)

    @property
    def _history(self) -> Sequence[Turn]:
        turns = self._means.settings.history_turns
        return self._turns[-turns:] if turns else ()

    def _nonce(self, passages: Sequence[Passage]) -> str:
        return new_nonce([self._query.standalone, *(f"{passage.header}\n{passage.text}" for passage in passages)])

    def _answer_tokens(self, room: int) -> int:
        # A small context is not spent on the answer alone.
        return min(self._means.max_answer_tokens, room // 4)

    def _limited_llm(self) -> AbstractAsyncContextManager[None]:
        return limited("llm", self._means.llm.url, self._means.settings.search_timeout_s)
