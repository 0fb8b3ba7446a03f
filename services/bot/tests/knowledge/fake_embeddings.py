"""An embeddings API whose vectors follow from the words alone, and which counts, refuses and breaks on demand."""

import hashlib
import math
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

DIMENSION = 16


@dataclass
class FakeEmbeddings:
    """`embedded` lists every text that was sent; `longest` is the most words it takes; `refused` counts 503s."""

    fingerprint: str = "fake-1"
    max_input_tokens: int = 256
    longest: int = 10_000
    broken_after: int | None = None
    refused: int = 0
    embedded: list[str] = field(default_factory=list)

    def app(self) -> FastAPI:
        app = FastAPI()
        app.get("/v1/models")(self.models)
        app.post("/v1/embeddings")(self.embed)
        return app

    async def models(self) -> dict[str, Any]:
        card = {
            "id": "fake",
            "object": "model",
            "created": 0,
            "owned_by": "tests",
            "dimension": DIMENSION,
            "max_input_tokens": self.max_input_tokens,
            "fingerprint": self.fingerprint,
        }
        return {"object": "list", "data": [card]}

    async def embed(self, request: Request) -> Any:
        texts = (await request.json())["input"]
        if self.broken_after is not None and len(self.embedded) >= self.broken_after:
            self.refused += 1
            return JSONResponse({"error": {"message": "out of order"}}, 503)
        if any(len(text.split()) > self.longest for text in texts):
            return JSONResponse({"error": {"message": "too long", "code": "input_too_long"}}, 400)
        self.embedded += texts
        data = [{"object": "embedding", "index": index, "embedding": vector(text)} for index, text in enumerate(texts)]
        return {"object": "list", "data": data, "model": "fake", "usage": {"prompt_tokens": 1, "total_tokens": 1}}


def vector(text: str) -> list[float]:
    """A bag of hashed words, of length 1."""
    values = [1e-3] * DIMENSION
    for word in text.lower().split():
        values[hashlib.sha256(word.encode()).digest()[0] % DIMENSION] += 1
    norm = math.sqrt(sum(value * value for value in values))
    return [value / norm for value in values]
