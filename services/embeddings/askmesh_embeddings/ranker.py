"""A query and documents in, scores out: limits, tokenisation and queue around one reranker. Knows no HTTP."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from askmesh_kit.errors import InvalidRequest

from askmesh_embeddings.batching.batcher import Batcher
from askmesh_embeddings.encoders.tokenizing import INLINE_CHARS
from askmesh_embeddings.golden import SelfTest
from askmesh_embeddings.rerankers.base import Pair, Reranker, RerankerInfo, Scores

_SELF_TEST = (
    "How do I read a file?",
    ["Open the file in text mode, read it, and close it.", "Tungsten melts at 3422 degrees."],
)


@dataclass(frozen=True)
class Ranked:
    """Logits, float32 [n], in the order of the documents, and the tokens read."""

    logits: Scores
    tokens: int

    @property
    def scores(self) -> Scores:
        """Between 0 and 1: the logistic function of the logits."""
        scores: Scores = (1 / (1 + np.exp(-self.logits.astype(np.float64)))).astype(np.float32)
        return scores


class Ranker:
    """One reranker, ready to use."""

    def __init__(
        self, reranker: Reranker, batcher: Batcher, max_documents: int, max_chars: int, max_query_chars: int
    ) -> None:
        self._reranker, self._batcher = reranker, batcher
        self._max_documents, self._max_chars, self._max_query_chars = max_documents, max_chars, max_query_chars

    @property
    def info(self) -> RerankerInfo:
        return self._reranker.info

    async def rank(self, query: str, documents: Sequence[str], *, truncate: bool, caller: str) -> Ranked:
        """Raises InvalidRequest for what cannot be ranked, and what Batcher.encode raises."""
        self._check(query, documents)
        if sum(map(len, documents)) + len(query) * len(documents) < INLINE_CHARS:
            pairs = self._reranker.tokenize(query, documents, truncate=truncate)
        else:
            pairs = await asyncio.to_thread(self._reranker.tokenize, query, documents, truncate=truncate)
        self._check_lengths(pairs)
        logits = await self._batcher.encode(pairs, caller)
        return Ranked(logits[:, 0], sum(map(len, pairs)))

    async def close(self) -> None:
        await self._batcher.close()
        self._reranker.close()

    def _check(self, query: str, documents: Sequence[str]) -> None:
        if not query:
            raise InvalidRequest("The query is an empty string.", code="empty_input", param="query")
        if not documents:
            raise InvalidRequest("The list of documents is empty.", code="empty_input", param="documents")
        if len(documents) > self._max_documents:
            raise InvalidRequest(
                f"{len(documents)} documents are more than the {self._max_documents} allowed in a request.",
                fix="Send them in several requests: scores do not depend on the other documents.",
                code="too_many_inputs",
                param="documents",
            )
        longest = max(len(query), *map(len, documents))
        if longest > self._max_chars:
            raise InvalidRequest(
                f"A text has {longest} characters, {self._max_chars} are allowed.",
                fix="Split it.",
                code="input_too_long",
            )
        # The model reads the query anew with each document: a long one multiplies.
        if (total := len(query) * len(documents)) > self._max_query_chars:
            raise InvalidRequest(
                f"A query of {len(query)} characters with {len(documents)} documents is {total} characters to read, "
                f"{self._max_query_chars} are allowed.",
                fix="Shorten the query, or send the documents in several requests.",
                code="input_too_long",
                param="query",
            )

    def _check_lengths(self, pairs: Sequence[Pair]) -> None:
        limit = self.info.max_input_tokens
        for position, pair in enumerate(pairs):
            if len(pair) > limit:
                raise InvalidRequest(
                    f"Document {position} has {len(pair)} tokens with the query, the reranker reads {limit}.",
                    fix="Split it, or send truncate: true to read its beginning only.",
                    code="input_too_long",
                    param="documents",
                    tokens=len(pair),
                    limit=limit,
                    position=position,
                )


def self_test_reranker(reranker: Reranker) -> SelfTest:
    """Whether scores are finite, one per document, different, and the same alone as in a batch. Also the warm-up."""
    pairs = reranker.tokenize(*_SELF_TEST, truncate=True)
    together = reranker.score(pairs)
    alone = np.concatenate([reranker.score([pair]) for pair in pairs])
    if together.shape != (len(pairs), 1):
        return SelfTest(f"scores of shape {together.shape}, not {(len(pairs), 1)}", None)
    if not np.isfinite(together).all():
        return SelfTest("scores that are not finite", None)
    if together[0, 0] == together[1, 0]:
        return SelfTest("the same score for different documents", None)
    # bfloat16 rounds logits to about one part in a hundred.
    if not np.allclose(alone, together, rtol=0.05, atol=0.05):
        return SelfTest("scores that depend on the batch", None)
    return SelfTest(None, None)
