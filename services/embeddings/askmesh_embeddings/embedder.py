"""Texts in, vectors out: limits, cache, tokenisation and queue around one encoder. Knows no HTTP."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from askmesh_kit.errors import InvalidRequest, Unsupported

from askmesh_embeddings.batching.batcher import Batcher
from askmesh_embeddings.encoders.base import Encoder, EncoderInfo, InputType, Piece, Tokens, Vectors
from askmesh_embeddings.encoders.tokenizing import INLINE_CHARS, unit
from askmesh_embeddings.metrics import EmbeddingMetrics
from askmesh_embeddings.vector_cache import CachedVector, Key, VectorCache


@dataclass(frozen=True)
class InputLimits:
    """Bounds on one request: texts, characters per text, and what still counts as interactive.

    Of interactive texts the vectors are cached, of those up to `cached_chars` long: the cache is bounded by entries.
    """

    max_inputs: int
    max_chars: int
    interactive_texts: int
    cached_chars: int


@dataclass(frozen=True)
class Embedded:
    """Unit vectors, float32 [n, dim], in the order of the texts, and the tokens counted for usage."""

    vectors: Vectors
    tokens: int


class Embedder:
    """One model, ready to use."""

    def __init__(
        self, encoder: Encoder, batcher: Batcher, cache: VectorCache, limits: InputLimits, metrics: EmbeddingMetrics
    ) -> None:
        self._encoder, self._batcher, self._cache, self._limits, self._metrics = (
            encoder,
            batcher,
            cache,
            limits,
            metrics,
        )

    @property
    def info(self) -> EncoderInfo:
        return self._encoder.info

    async def embed(
        self, texts: Sequence[str], *, input_type: InputType | None, truncate: bool, dimensions: int | None, caller: str
    ) -> Embedded:
        """Raises InvalidRequest for what cannot be embedded, and what Batcher.encode raises."""
        self._check(texts)
        self._check_dimensions(dimensions)
        keys = [Key(text, input_type, truncate, self.info.fingerprint) for text in texts]
        known = self._look_up(keys)
        # Each text once, with its first place in the list.
        places: dict[Key, int] = {}
        for position, key in enumerate(keys):
            if key not in known:
                places.setdefault(key, position)
        missing = list(places)
        if missing:
            tokens = await self._tokenize([key.text for key in missing], input_type, truncate)
            self._check_lengths(tokens, list(places.values()))
            vectors = await self._batcher.encode(tokens, caller)
            fresh = [CachedVector(vector, len(ids)) for vector, ids in zip(vectors, tokens, strict=True)]
            known |= dict(zip(missing, fresh, strict=True))
            self._keep(known, missing, len(texts))
        found = [known[key] for key in keys]
        vectors = np.stack([each.vector for each in found])
        return Embedded(_cut(vectors, dimensions), sum(each.tokens for each in found))

    async def pieces(
        self, texts: Sequence[str], *, input_type: InputType | None, special_tokens: bool
    ) -> list[list[Piece]]:
        """The tokens of each text. Raises InvalidRequest, and Unsupported where the encoder cannot tell them."""
        self._check(texts)
        # An answer holds some hundred bytes for each token and no queue bounds how many are made at once.
        if (total := sum(map(len, texts))) > self._limits.max_chars:
            raise InvalidRequest(
                f"The inputs have {total} characters in all, {self._limits.max_chars} are allowed.",
                fix="Send them in several requests.",
                code="too_many_inputs",
                param="inputs",
            )
        found = await asyncio.to_thread(self._encoder.pieces, texts, input_type, special_tokens=special_tokens)
        if found is None:
            raise Unsupported("This encoder does not show its tokens.", code="tokens_not_shown")
        return found

    async def close(self) -> None:
        await self._batcher.close()
        self._encoder.close()

    def _check(self, texts: Sequence[str]) -> None:
        if not texts:
            raise InvalidRequest("The list of inputs is empty.", code="empty_input", param="input")
        if len(texts) > self._limits.max_inputs:
            raise InvalidRequest(
                f"{len(texts)} inputs are more than the {self._limits.max_inputs} allowed in a request.",
                fix="Send them in several requests.",
                code="too_many_inputs",
                param="input",
            )
        for position, text in enumerate(texts):
            if not text:
                raise InvalidRequest(f"Input {position} is an empty string.", code="empty_input", param="input")
            if len(text) > self._limits.max_chars:
                raise InvalidRequest(
                    f"Input {position} has {len(text)} characters, {self._limits.max_chars} are allowed.",
                    fix="Split it.",
                    code="input_too_long",
                    param="input",
                    position=position,
                )

    def _check_lengths(self, tokens: Sequence[Tokens], positions: Sequence[int]) -> None:
        limit = self.info.max_input_tokens
        for ids, position in zip(tokens, positions, strict=True):
            if len(ids) > limit:
                raise InvalidRequest(
                    f"Input {position} has {len(ids)} tokens, the model reads {limit}.",
                    fix="Split it, or send truncate: true to embed its beginning only.",
                    code="input_too_long",
                    param="input",
                    tokens=len(ids),
                    limit=limit,
                    position=position,
                )

    def _check_dimensions(self, dimensions: int | None) -> None:
        allowed = {*self.info.dimensions, self.info.dimension}
        if dimensions is not None and dimensions not in allowed:
            trained = ", ".join(map(str, sorted(allowed)))
            raise InvalidRequest(
                f"{self.info.model} was not trained for {dimensions} dimensions.",
                fix=f"Leave `dimensions` out, or use {trained}.",
                code="dimensions_not_supported",
                param="dimensions",
            )

    async def _tokenize(self, texts: list[str], input_type: InputType | None, truncate: bool) -> list[Tokens]:
        if sum(map(len, texts)) < INLINE_CHARS:
            return self._encoder.tokenize(texts, input_type, truncate=truncate)
        return await asyncio.to_thread(self._encoder.tokenize, texts, input_type, truncate=truncate)

    def _look_up(self, keys: list[Key]) -> dict[Key, CachedVector]:
        if len(keys) > self._limits.interactive_texts:
            return {}
        found = {key: hit for key in keys if (hit := self._cache.get(key))}
        self._metrics.cache.labels("hit").inc(len(found))
        self._metrics.cache.labels("miss").inc(len(keys) - len(found))
        return found

    def _keep(self, known: dict[Key, CachedVector], fresh: list[Key], texts: int) -> None:
        # Bulk texts are rarely asked for again and would push the queries out.
        if texts <= self._limits.interactive_texts:
            for key in fresh:
                # Long texts, as with `truncate`, are no queries; thousands of them would fill the memory.
                if len(key.text) <= self._limits.cached_chars:
                    self._cache.put(key, known[key])


def _cut(vectors: Vectors, dimensions: int | None) -> Vectors:
    """The first `dimensions` components at unit length again, as Matryoshka models are used (arXiv:2205.13147)."""
    if dimensions is None or dimensions == vectors.shape[1]:
        return vectors
    return unit(vectors[:, :dimensions])
