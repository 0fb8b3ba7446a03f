"""Loads the encoder in the background, tests it, and hands it out once it is fit to use."""

import asyncio
import time
from collections.abc import Callable

from askmesh_kit.errors import Unavailable
from askmesh_kit.logs import get_logger

from askmesh_embeddings.embedder import Embedder
from askmesh_embeddings.encoders.base import Encoder, EncoderError
from askmesh_embeddings.golden import SelfTest

log = get_logger("askmesh.embeddings")

Load = Callable[[], tuple[Encoder, SelfTest]]
_RETRY_S = 2.0


class ModelHost:
    """`load` runs in a thread and may take minutes; until it is done, and if it fails, requests get a 503."""

    def __init__(self, load: Load, wrap: Callable[[Encoder], Embedder]) -> None:
        self._load, self._wrap = load, wrap
        self._embedder: Embedder | None = None
        self._problem: str | None = "the model is loading"
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def check(self) -> str | None:
        """Why requests cannot be answered, or None."""
        return self._problem

    @property
    def embedder(self) -> Embedder:
        """Raises Unavailable until the model is loaded and has passed its self-test."""
        if self._embedder is None or self._problem:
            raise Unavailable(
                f"No vectors can be made: {self._problem}.",
                fix="Try again when /readyz says ready.",
                code="model_not_ready",
                retry_after=_RETRY_S,
            )
        return self._embedder

    async def close(self) -> None:
        if self._task:
            # A load in its thread cannot be interrupted: it is waited for, so that nothing is torn down under it.
            await asyncio.gather(self._task, return_exceptions=True)
        if self._embedder:
            await self._embedder.close()

    async def _run(self) -> None:
        began = time.perf_counter()
        try:
            encoder, test = await asyncio.to_thread(self._load)
        except EncoderError as error:
            self._problem = str(error).rstrip(".")
            log.error("model_not_loaded", reason=error.detail, fix=error.fix)
            return
        except Exception as error:
            self._problem = f"{type(error).__name__}: {error}"
            log.error("model_not_loaded", exc_info=error)
            return
        self._embedder = self._wrap(encoder)
        self._problem = f"the self-test failed: {test.problem}" if test.problem else None
        info, seconds = encoder.info, round(time.perf_counter() - began, 2)
        report = log.error if test.problem else log.info
        report(
            "model_loaded",
            model=info.model,
            runtime=info.runtime,
            dtype=info.dtype,
            lanes=info.lanes,
            fingerprint=info.fingerprint,
            least_cosine=test.least_cosine,
            problem=test.problem,
            seconds=seconds,
        )
