"""Loads a model in the background, tests it, and hands it out once it is fit to use."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from askmesh_kit.errors import Unavailable
from askmesh_kit.logs import get_logger
from askmesh_kit.retrying import until_done

from askmesh_embeddings.encoders.base import EncoderError
from askmesh_embeddings.golden import SelfTest

log = get_logger("askmesh.embeddings")

_RETRY_S = 2.0


class Loaded(Protocol):
    """An encoder or a reranker."""

    info: Any


class Served(Protocol):
    """What requests are given: an Embedder or a Ranker."""

    async def close(self) -> None: ...


Model = TypeVar("Model", bound=Loaded)
Service = TypeVar("Service", bound=Served)


class ModelHost(Generic[Model, Service]):
    """`load` runs in a thread and may take minutes; until it is done, and if it fails, requests get a 503.

    What fails is tried again, since a model hub or a disk may come back: after `retry_s` seconds, then after twice as
    many, and so on; 0 is a single attempt. A model that fails its self-test is not.
    """

    def __init__(
        self, load: Callable[[], tuple[Model, SelfTest]], wrap: Callable[[Model], Service], retry_s: float
    ) -> None:
        self._load, self._wrap, self._pause_s = load, wrap, retry_s
        self._closing = asyncio.Event()
        self._service: Service | None = None
        self._problem: str | None = "the model is loading"
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def check(self) -> str | None:
        """Why requests cannot be answered, or None."""
        return self._problem

    @property
    def service(self) -> Service:
        """Raises Unavailable until the model is loaded and has passed its self-test."""
        if self._service is None or self._problem:
            raise Unavailable(
                f"The model cannot be used: {self._problem}.",
                fix="Try again when /readyz says ready.",
                code="model_not_ready",
                retry_after=_RETRY_S,
            )
        return self._service

    async def close(self) -> None:
        self._closing.set()
        if self._task:
            # A load in its thread cannot be interrupted: it is waited for, so that nothing is torn down under it.
            await asyncio.gather(self._task, return_exceptions=True)
        if self._service:
            await self._service.close()

    async def _run(self) -> None:
        await until_done(self._attempt, self._pause_s, self._closing)

    async def _attempt(self) -> bool:
        """Whether a model was loaded."""
        began = time.perf_counter()
        try:
            model, test = await asyncio.to_thread(self._load)
        except EncoderError as error:
            self._problem = str(error).rstrip(".")
            log.error("model_not_loaded", reason=error.detail, fix=error.fix)
            return False
        except Exception as error:
            self._problem = f"{type(error).__name__}: {error}"
            log.error("model_not_loaded", exc_info=error)
            return False
        self._service = self._wrap(model)
        self._problem = f"the self-test failed: {test.problem}{_remedy(model)}" if test.problem else None
        _report(model.info, test, round(time.perf_counter() - began, 2))
        return True


def _remedy(model: Loaded) -> str:
    return "; if the weights are right, DTYPE=fp32 may help" if model.info.dtype == "bf16" else ""


def _report(info: Any, test: SelfTest, seconds: float) -> None:
    report = log.error if test.problem else log.info
    report(
        "model_loaded",
        model=info.model,
        runtime=info.runtime,
        dtype=info.dtype,
        lanes=info.lanes,
        fingerprint=info.fingerprint,
        compared_with=test.compared_with,
        least_cosine=test.least_cosine,
        problem=test.problem,
        seconds=seconds,
    )
