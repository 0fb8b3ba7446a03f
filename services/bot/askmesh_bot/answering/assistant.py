"""The assistant: the steps of an answer in their order. Every sentence it gives out was checked first."""

from collections.abc import AsyncGenerator

from askmesh_bot.answering.answer import Answering, Means
from askmesh_bot.answering.base import Event, Question
from askmesh_bot.answering.reranking import Reranking
from askmesh_bot.answering.retrieval import Retrieval
from askmesh_bot.answering.running import events_of
from askmesh_bot.database.collections import Collections
from askmesh_bot.peers.embeddings import EmbeddingsClient
from askmesh_bot.peers.llm import LlmClient
from askmesh_bot.peers.vectordb import VectordbClient
from askmesh_bot.settings import AnsweringSettings


class GroundedAssistant:
    """Answers from what a collection holds, and says so where it holds nothing."""

    def __init__(
        self,
        *,
        collections: Collections,
        embeddings: EmbeddingsClient,
        vectordb: VectordbClient,
        llm: LlmClient,
        settings: AnsweringSettings,
        max_answer_tokens: int,
        reranking: Reranking | None = None,
    ) -> None:
        retrieval = Retrieval(embeddings, vectordb, settings.candidates)
        self._means = Means(collections, retrieval, embeddings, llm, settings, max_answer_tokens, reranking)
        self._deadline_s = settings.deadline_s

    def answer(self, question: Question) -> AsyncGenerator[Event, None]:
        """The events of one answer, ending with one Done or Failed. Leaving the iteration stops the work."""
        return events_of(lambda emit: Answering(self._means, question, emit).run(), self._deadline_s)
