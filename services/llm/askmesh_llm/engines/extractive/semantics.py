"""Closeness in meaning, from an embeddings service over OpenAI's API. Without it, words alone decide."""

import asyncio
import math
import operator
import time
from collections.abc import Sequence

import httpx2
from askmesh_kit.errors import ServiceError
from askmesh_kit.http_client import service_client
from askmesh_kit.logs import get_logger
from pydantic import BaseModel, ValidationError

from askmesh_llm.settings import Settings

log = get_logger("askmesh.llm.extractive")

# After a failure the service is left alone for this long, so that not every answer waits for it, in seconds.
_REST_S = 10.0
_LONGEST_TEXT = 500


class _Item(BaseModel):
    index: int
    embedding: list[float]


class _Embeddings(BaseModel):
    data: list[_Item]


class Semantics:
    """Asks the embeddings service; answers None, after a short wait, when it can't."""

    def __init__(self, settings: Settings) -> None:
        self._timeout_s, self._model = settings.embeddings_timeout_s, settings.embeddings_model
        self._client = service_client(
            settings.embeddings_url.rstrip("/").removesuffix("/v1"),
            api_key=settings.embeddings_api_key,
            timeout_s=settings.embeddings_timeout_s,
            connect_timeout_s=min(0.5, settings.embeddings_timeout_s),
        )
        self._resting_until = 0.0

    async def closeness(self, question: str, texts: Sequence[str]) -> list[float] | None:
        """The cosine similarity of each text to the question, in one call. None: not to be had in time."""
        if not texts or time.monotonic() < self._resting_until:
            return None
        body: dict[str, object] = {"input": [text[:_LONGEST_TEXT] for text in (question, *texts)], "truncate": True}
        if self._model:
            body = {"input": body["input"], "model": self._model}
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._client.post("v1/embeddings", json=body | {"encoding_format": "float"})
            response.raise_for_status()
            return _cosines(_Embeddings.model_validate_json(response.content), len(texts))
        except (httpx2.HTTPError, ServiceError, TimeoutError, ValidationError, ValueError) as error:
            self._resting_until = time.monotonic() + _REST_S
            log.warning("words_alone_decide", reason=f"{type(error).__name__}: {error}")
            return None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _cosines(answer: _Embeddings, texts: int) -> list[float]:
    """Raises ValueError when vectors are missing or do not fit together."""
    items = sorted(answer.data, key=lambda item: item.index)
    if len(items) != texts + 1:
        raise ValueError(f"{len(items)} vectors for {texts + 1} texts")
    question, *others = (item.embedding for item in items)
    if any(len(other) != len(question) for other in others):
        raise ValueError("vectors of different lengths")
    return [
        _dot(question, other) / max(math.sqrt(_dot(question, question) * _dot(other, other)), 1e-12) for other in others
    ]


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return math.fsum(map(operator.mul, left, right))
