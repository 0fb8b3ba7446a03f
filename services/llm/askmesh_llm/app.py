"""The service's composition root: wiring only."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from askmesh_kit.app import build_app
from askmesh_kit.errors import openai_error
from askmesh_kit.metrics import Metrics
from fastapi import FastAPI

from askmesh_llm import __version__
from askmesh_llm.engines.registry import create_engine
from askmesh_llm.routes import completions, models
from askmesh_llm.routes.state import State
from askmesh_llm.serving.admission import Admission
from askmesh_llm.serving.generation import Generator
from askmesh_llm.serving.metrics import LlmMetrics
from askmesh_llm.serving.starting import Starter
from askmesh_llm.settings import Settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """The LLM service with the engine that the settings name. Raises SystemExit when there is no such engine."""
    settings = settings or Settings()
    metrics = Metrics()
    llm_metrics = LlmMetrics(metrics)
    engine = create_engine(settings)
    starter = Starter(engine, settings.load_retry_s)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[Mapping[str, Any], None]:
        # A large model loads while /livez and /readyz already answer.
        loading = asyncio.create_task(starter.run())
        admission = Admission(settings.max_active, settings.max_waiting, llm_metrics)
        generator = Generator(engine, admission, llm_metrics, settings.request_deadline_s)
        try:
            yield dict(State(engine=engine, generator=generator))
        finally:
            starter.stop()
            await asyncio.wait([loading])
            await engine.close()

    return build_app(
        name="llm",
        version=__version__,
        description="Text generation over OpenAI's chat API.",
        settings=settings,
        routers=[completions.router, models.router],
        lifespan=lifespan,
        metrics=metrics,
        checks={"engine": starter.ready},
        error_dialects={"/v1/": openai_error, "/tokenize": openai_error, "/detokenize": openai_error},
    )
