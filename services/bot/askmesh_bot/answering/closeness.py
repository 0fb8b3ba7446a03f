"""How close in meaning a sentence is to passages, by the embedding model that found them."""

import math
from collections.abc import Sequence

from askmesh_kit.errors import ServiceError

from askmesh_bot.answering.base import Passage
from askmesh_bot.peers.embeddings import EmbeddingsClient

# The encoder reads a limited number of tokens; more than this would be refused by the smallest.
_READ_CHARS = 700
_TIMEOUT_S = 2.0


class EmbeddingCloseness:
    """Embeds each passage at most once per answer."""

    def __init__(self, embeddings: EmbeddingsClient) -> None:
        self._embeddings = embeddings
        self._known: dict[str, list[float]] = {}

    async def __call__(self, sentence: str, passages: Sequence[Passage]) -> list[float] | None:
        """A cosine per passage; None when the encoder can't tell now."""
        new = [passage for passage in passages if passage.id not in self._known]
        texts = [sentence[:_READ_CHARS], *(passage.text[:_READ_CHARS] for passage in new)]
        try:
            vectors = await self._embeddings.embed(texts, "document", timeout_s=_TIMEOUT_S)
        except ServiceError:
            return None
        self._known |= {passage.id: vector for passage, vector in zip(new, vectors[1:], strict=True)}
        return [_cosine(vectors[0], self._known[passage.id]) for passage in passages]


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    norms = math.hypot(*one) * math.hypot(*other)
    return sum(a * b for a, b in zip(one, other, strict=True)) / norms if norms else 0.0
