"""The embeddings service, or any other server of OpenAI's embeddings API."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from askmesh_bot.peers.cached import Cached
from askmesh_bot.peers.calls import PeerCalls
from askmesh_bot.peers.errors import PeerError
from askmesh_bot.peers.listed import listed
from askmesh_bot.settings import EmbeddingsPeer


@dataclass(frozen=True)
class ModelCard:
    """An embedding model. Vectors of two models can be compared only if their fingerprints are equal."""

    id: str
    dimension: int
    max_input_tokens: int
    fingerprint: str


class EmbeddingsClient:
    """Texts to vectors."""

    def __init__(self, settings: EmbeddingsPeer) -> None:
        self._settings = settings
        self._calls = PeerCalls("embeddings", settings)
        self.url = self._calls.url
        self._card = Cached(self._fetch_card)
        # Servers of the plain OpenAI API may refuse fields they don't know: those get none.
        self._knows_input_type = True

    async def embed(
        self,
        texts: Sequence[str],
        input_type: Literal["query", "document"],
        *,
        timeout_s: float | None = None,
    ) -> list[list[float]]:
        """One vector per text, in order. At most `batch_size` texts are sent at a time.

        Raises PeerUnavailable, or PeerError (a text too long, an unknown model).
        """
        model = (await self.model()).id
        vectors: list[list[float]] = []
        for start in range(0, len(texts), self._settings.batch_size):
            batch = list(texts[start : start + self._settings.batch_size])
            vectors += await self._embed_batch(batch, model, input_type, timeout_s)
        return vectors

    async def model(self) -> ModelCard:
        """The model that `embed` uses. Raises PeerUnavailable or PeerError."""
        return await self._card.get()

    async def check(self) -> str | None:
        """A readiness check: asks the service itself, not the cache."""
        await self._calls.json("GET", "v1/models")
        return None

    async def close(self) -> None:
        await self._calls.close()

    async def _embed_batch(
        self, texts: list[str], model: str, input_type: str | None, timeout_s: float | None
    ) -> list[list[float]]:
        body: dict[str, Any] = {"input": texts, "model": model, "encoding_format": "float"}
        if input_type and self._knows_input_type:
            body["input_type"] = input_type
        answer = await self._calls.json("POST", "v1/embeddings", body, timeout_s=timeout_s)
        try:
            rows = sorted(answer["data"], key=lambda row: row["index"])
            vectors = [row["embedding"] for row in rows]
        except (KeyError, TypeError) as error:
            raise PeerError("embeddings", self._calls.url, "its answer is not OpenAI's list of embeddings.") from error
        if len(vectors) != len(texts):
            raise PeerError("embeddings", self._calls.url, f"it gave {len(vectors)} vectors for {len(texts)} texts.")
        return vectors

    async def _fetch_card(self) -> ModelCard:
        answer = await self._calls.json("GET", "v1/models")
        entries = {entry["id"]: entry for entry in answer.get("data", [])}
        wanted = self._settings.model or next(iter(entries), "")
        if not wanted:
            raise PeerError("embeddings", self._calls.url, "it lists no model; set ASKMESH_EMBEDDINGS_MODEL.")
        entry = listed(wanted, entries)
        self._knows_input_type = "fingerprint" in entry
        dimension = entry.get("dimension") or len((await self._embed_batch(["word"], wanted, None, None))[0])
        return ModelCard(
            id=wanted,
            dimension=dimension,
            max_input_tokens=entry.get("max_input_tokens") or self._settings.max_input_tokens,
            fingerprint=entry.get("fingerprint") or _fingerprint(wanted, dimension),
        )


def _fingerprint(model: str, dimension: int) -> str:
    """For a server that gives none: the same wherever the model of this name is served."""
    return f"openai-{hashlib.sha256(f'{model}:{dimension}'.encode()).hexdigest()[:16]}"
