"""What the service asks of a reranker. Queue, batching and HTTP live outside, as with encoders."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from askmesh_embeddings.encoders.base import Dtype, EncoderError, EncoderOptions
from askmesh_embeddings.encoders.registry import Entry, is_class_of, load_class

# A query and a document as the model reads them, [length, 2]: token ids and segments.
Pair = NDArray[np.int32]
Scores = NDArray[np.float32]

RERANKERS = {
    "cross-encoder": Entry(
        "askmesh_embeddings.rerankers.cross_encoder:CrossEncoderReranker",
        "pip install 'askmesh-embeddings[sentence-transformers]'",
    ),
}


@dataclass(frozen=True)
class RerankerInfo:
    """What callers may rely on."""

    model: str
    max_input_tokens: int
    fingerprint: str
    dtype: Dtype
    runtime: str
    batch_tokens: int = 512
    lanes: int = 1


class Reranker(ABC):
    """Loaded and ready to use once constructed. The constructor may take long; it raises EncoderError."""

    info: RerankerInfo

    @abstractmethod
    def tokenize(self, query: str, documents: Sequence[str], *, truncate: bool) -> list[Pair]:
        """One pair per document. Cut to `info.max_input_tokens` only if `truncate`. Thread-safe."""

    @abstractmethod
    def score(self, batch: Sequence[Pair]) -> Scores:
        """Logits, float32 [len(batch), 1], higher is more relevant. Thread-safe: one call per lane at a time."""

    def close(self) -> None:  # noqa: B027 - most have nothing to release
        """Release what the reranker holds. Called once, after the last `score`."""


def load_reranker(name: str, options: EncoderOptions) -> Reranker:
    """The reranker called `name`, or a user's own `package.module:Class`. Raises EncoderError with the remedy."""
    entry = RERANKERS.get(name)
    if entry is None and ":" not in name:
        raise EncoderError(f"There is no reranker {name!r}.", f"Use {', '.join(RERANKERS)}, or module:Class.")
    chosen = load_class(entry or Entry(name, "Install the package that holds it."), name)
    if not is_class_of(chosen, Reranker):
        raise EncoderError(f"{name} is not a Reranker.", "Derive it from askmesh_embeddings.rerankers.base.Reranker.")
    reranker: Reranker = chosen(options)
    return reranker
