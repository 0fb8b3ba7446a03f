"""Wiring: settings to a FastAPI app."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from askmesh_kit.app import build_app
from askmesh_kit.errors import openai_error
from askmesh_kit.metrics import Metrics
from fastapi import FastAPI

from askmesh_embeddings import __version__
from askmesh_embeddings.batching.batcher import Batcher, BatchLimits
from askmesh_embeddings.embedder import Embedder, InputLimits
from askmesh_embeddings.encoders.base import Encoder
from askmesh_embeddings.encoders.registry import load_encoder
from askmesh_embeddings.golden import SelfTest, golden_for, self_test
from askmesh_embeddings.metrics import EmbeddingMetrics
from askmesh_embeddings.model_host import ModelHost
from askmesh_embeddings.routes import openai, rerank, tei
from askmesh_embeddings.settings import Settings
from askmesh_embeddings.vector_cache import VectorCache


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service as an ASGI app. The model loads in the background once the app starts."""
    settings = settings or Settings()
    metrics = Metrics()
    counted = EmbeddingMetrics(metrics)

    def load() -> tuple[Encoder, SelfTest]:
        encoder = load_encoder(settings.encoder, settings.encoder_options)
        return encoder, self_test(encoder, golden_for(encoder.info.model, settings.golden))

    host = ModelHost(load, lambda encoder: _embedder(encoder, settings, counted))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        host.start()
        yield {"host": host, "started": int(time.time())}
        await host.close()

    return build_app(
        name="embeddings",
        version=__version__,
        description="Text to vectors over OpenAI's and TEI's APIs, with micro-batching.",
        settings=settings,
        routers=[openai.router, tei.router, rerank.router],
        lifespan=lifespan,
        metrics=metrics,
        checks={"model": host.check},
        error_dialects={"/v1/": openai_error} | dict.fromkeys(("/embed", "/info", "/rerank"), tei.tei_error),
    )


def _embedder(encoder: Encoder, settings: Settings, metrics: EmbeddingMetrics) -> Embedder:
    limits = BatchLimits(
        interactive_queue_tokens=settings.interactive_queue_tokens,
        bulk_queue_tokens=settings.bulk_queue_tokens,
        interactive_texts=settings.interactive_texts,
        batch_tokens=settings.batch_tokens or encoder.info.batch_tokens,
        batch_texts=settings.batch_texts,
        bulk_nice=settings.bulk_nice,
    )
    batcher = Batcher(encoder.encode, limits, encoder.info.lanes, metrics)
    input_limits = InputLimits(settings.max_inputs, settings.max_input_chars, settings.interactive_texts)
    return Embedder(encoder, batcher, VectorCache(settings.cache_entries), input_limits, metrics)
