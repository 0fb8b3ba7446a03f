"""What the service is measured against: sentence-transformers behind FastAPI, a model in every gunicorn worker."""

import asyncio
import os
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response
from sentence_transformers import SentenceTransformer


def create_app() -> FastAPI:
    """A worker's app. It says it is ready when all `BENCH_WORKERS` have loaded."""
    model = SentenceTransformer(os.environ["BENCH_MODEL"], device="cpu")
    model.encode(["warm up"])
    # Each worker leaves a mark named for itself.
    marks = Path(os.environ["BENCH_MARKS"])
    (marks / str(os.getpid())).touch()
    app = FastAPI()

    @app.get("/ready")
    def ready(response: Response) -> int:
        count = len(list(marks.iterdir()))
        response.status_code = 200 if count >= int(os.environ["BENCH_WORKERS"]) else 503
        return count

    @app.post("/v1/embeddings")
    async def embeddings(body: dict[str, Any]) -> dict[str, Any]:
        vectors = await asyncio.to_thread(model.encode, body["input"], batch_size=32)
        data = [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(vectors.tolist())]
        return {"object": "list", "data": data, "model": body.get("model")}

    return app
