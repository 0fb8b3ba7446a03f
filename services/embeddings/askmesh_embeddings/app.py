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
from askmesh_embeddings.encoders.base import Encoder, EncoderError, EncoderInfo
from askmesh_embeddings.encoders.registry import load_encoder
from askmesh_embeddings.golden import SelfTest
from askmesh_embeddings.metrics import EmbeddingMetrics
from askmesh_embeddings.model_host import ModelHost
from askmesh_embeddings.ranker import Ranker, self_test_reranker
from askmesh_embeddings.references import check_encoder
from askmesh_embeddings.rerankers.base import Reranker, load_reranker
from askmesh_embeddings.routes import openai, rerank, tei
from askmesh_embeddings.settings import Settings
from askmesh_embeddings.vector_cache import VectorCache


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service as an ASGI app. The model loads in the background once the app starts."""
    settings = settings or Settings()
    metrics = Metrics()
    encoder = _encoder_host(settings, EmbeddingMetrics(metrics))
    reranker = _reranker_host(settings, EmbeddingMetrics(metrics, "askmesh_rerank")) if settings.reranker else None
    hosts = {"model": encoder} | ({"reranker": reranker} if reranker else {})

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        for host in hosts.values():
            host.start()
        yield {"encoder": encoder, "reranker": reranker, "started": int(time.time())}
        for host in hosts.values():
            await host.close()

    return build_app(
        name="embeddings",
        version=__version__,
        description="Text to vectors over OpenAI's and TEI's APIs, with micro-batching.",
        settings=settings,
        routers=[openai.router, tei.router, rerank.router],
        lifespan=lifespan,
        metrics=metrics,
        checks={name: host.check for name, host in hosts.items()},
        error_dialects={"/v1/": openai_error}
        | dict.fromkeys(("/embed", "/info", "/rerank", "/tokenize"), tei.tei_error),
    )


def _encoder_host(settings: Settings, metrics: EmbeddingMetrics) -> ModelHost[Encoder, Embedder]:
    def load() -> tuple[Encoder, SelfTest]:
        encoder = load_encoder(settings.encoder, settings.encoder_options)
        _check_dimensions(settings.dimensions, encoder.info)
        return encoder, check_encoder(encoder, settings)

    def wrap(encoder: Encoder) -> Embedder:
        limits = _limits(settings, settings.interactive_texts, encoder.info.batch_tokens)
        batcher = Batcher(encoder.encode, limits, encoder.info.lanes, metrics)
        input_limits = InputLimits(
            settings.max_inputs, settings.max_input_chars, settings.interactive_texts, settings.cache_text_chars
        )
        return Embedder(encoder, batcher, VectorCache(settings.cache_entries), input_limits, metrics)

    return ModelHost(load, wrap, settings.load_retry_s)


def _check_dimensions(wanted: tuple[int, ...], info: EncoderInfo) -> None:
    """Raises EncoderError for vector lengths that the encoder does not offer."""
    if (longest := max(wanted, default=0)) > info.dimension:
        raise EncoderError(f"The model has {info.dimension} dimensions, not {longest}.", "Correct DIMENSIONS.")
    if set(wanted) - {*info.dimensions, info.dimension}:
        raise EncoderError(f"{info.model} was not trained for shorter vectors.", "Unset DIMENSIONS.")


def _reranker_host(settings: Settings, metrics: EmbeddingMetrics) -> ModelHost[Reranker, Ranker]:
    def load() -> tuple[Reranker, SelfTest]:
        reranker = load_reranker(settings.reranker or "", settings.reranker_options)
        return reranker, self_test_reranker(reranker)

    def wrap(reranker: Reranker) -> Ranker:
        limits = _limits(settings, settings.interactive_documents, reranker.info.batch_tokens)
        batcher = Batcher(reranker.score, limits, reranker.info.lanes, metrics)
        return Ranker(reranker, batcher, settings.max_inputs, settings.max_input_chars, settings.rerank_query_chars)

    return ModelHost(load, wrap, settings.load_retry_s)


def _limits(settings: Settings, interactive: int, batch_tokens: int) -> BatchLimits:
    return BatchLimits(
        interactive_queue_tokens=settings.interactive_queue_tokens,
        bulk_queue_tokens=settings.bulk_queue_tokens,
        interactive_texts=interactive,
        batch_tokens=settings.batch_tokens or batch_tokens,
        batch_texts=settings.batch_texts,
        bulk_nice=settings.bulk_nice,
        queue_reserve=settings.queue_reserve,
    )
