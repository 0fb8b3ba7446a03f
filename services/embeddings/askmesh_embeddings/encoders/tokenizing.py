"""Tokenisation with Hugging Face's fast tokenizers, without their hidden state."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from askmesh_embeddings.encoders.base import Tokens, Vectors


class TextTokenizer:
    """Two fixed tokenizers, whole and truncating: switching one between the two is not thread-safe.

    `definition` is the content of a tokenizer.json. Truncation and padding in it are ignored: all-MiniLM-L6-v2's, for
    one, cuts at 128 tokens and pads everything to 128, which is neither what it was trained for nor what we batch.
    """

    def __init__(self, definition: str, max_tokens: int) -> None:
        self._whole: Any = Tokenizer.from_str(definition)
        self._whole.no_truncation()
        self._whole.no_padding()
        self._truncating: Any = Tokenizer.from_str(definition)
        self._truncating.enable_truncation(max_tokens)
        self._truncating.no_padding()

    def __call__(self, texts: Sequence[str], *, truncate: bool) -> list[Tokens]:
        """Token ids with special tokens, one int32 array per text."""
        tokenizer = self._truncating if truncate else self._whole
        return [np.asarray(encoding.ids, dtype=np.int32) for encoding in tokenizer.encode_batch_fast(list(texts))]


def pad(batch: Sequence[Tokens], pad_id: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Ids and attention mask, int64 [len(batch), length of the longest]."""
    shape = len(batch), max(map(len, batch))
    ids = np.full(shape, pad_id, dtype=np.int64)
    mask = np.zeros(shape, dtype=np.int64)
    for row, tokens in enumerate(batch):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return ids, mask


def unit(vectors: np.ndarray[Any, Any]) -> Vectors:
    """The rows at length 1, float32. A model in bfloat16 leaves them a part in a thousand off."""
    vectors = vectors.astype(np.float32, copy=False)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    result: Vectors = vectors / np.maximum(lengths, np.float32(1e-12))
    return result
