"""Tokenisation with Hugging Face's fast tokenizers, without their hidden state."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from askmesh_embeddings.encoders.base import Piece, Tokens, Vectors

# Fewer characters than this are tokenised at once, faster than a thread could be woken.
INLINE_CHARS = 4_000


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

    def pieces(self, texts: Sequence[str], *, special_tokens: bool) -> list[list[Piece]]:
        """Each token with the characters it stands for, as offsets into the text."""
        encodings = self._whole.encode_batch(list(texts), add_special_tokens=special_tokens)
        return [[_piece(*token) for token in _zip(encoding)] for encoding in encodings]


class PairTokenizer:
    """A query and documents as pairs, [length, 2]: ids and segments. Fixed for the reasons of TextTokenizer."""

    def __init__(self, definition: str, max_tokens: int) -> None:
        self._whole: Any = Tokenizer.from_str(definition)
        self._whole.no_truncation()
        self._whole.no_padding()
        self._truncating: Any = Tokenizer.from_str(definition)
        # The longer of the two is cut first: a query is kept whole unless it alone is too long.
        self._truncating.enable_truncation(max_tokens, strategy="longest_first")
        self._truncating.no_padding()

    def __call__(self, query: str, documents: Sequence[str], *, truncate: bool) -> list[Tokens]:
        tokenizer = self._truncating if truncate else self._whole
        encodings = tokenizer.encode_batch_fast([(query, document) for document in documents])
        return [np.array([encoding.ids, encoding.type_ids], dtype=np.int32).T for encoding in encodings]


def _zip(encoding: Any) -> Iterable[tuple[int, str, int, tuple[int, int]]]:
    return zip(encoding.ids, encoding.tokens, encoding.special_tokens_mask, encoding.offsets, strict=True)


def _piece(number: int, text: str, special: int, offsets: tuple[int, int]) -> Piece:
    start, stop = (None, None) if special else offsets
    return Piece(number, text, bool(special), start, stop)


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
