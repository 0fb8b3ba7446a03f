"""Runs one generation: admitted, under a deadline, measured, and stopped when its reader goes away."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from askmesh_kit.context import time_left
from askmesh_kit.errors import DeadlineExceeded, ServiceError, UpstreamError

from askmesh_llm.engines.base import Chunk, Engine, ModelLoading, Prompt, SamplingParams
from askmesh_llm.serving.admission import Admission
from askmesh_llm.serving.metrics import LlmMetrics


class Generator:
    """The engine as the routes see it."""

    def __init__(self, engine: Engine, admission: Admission, metrics: LlmMetrics, longest_s: float) -> None:
        self.engine = engine
        self._admission, self._metrics, self._longest_s = admission, metrics, longest_s

    async def stream(self, prompt: Prompt, params: SamplingParams, caller: str) -> AsyncGenerator[Chunk, None]:
        """The chunks of one answer; the last has a finish reason and the usage.

        Raises Overloaded, ModelLoading, DeadlineExceeded and what the engine raises.
        """
        meter = _Meter(self._metrics)
        try:
            # Closed here, not by the garbage collector: whoever closes this generator finds the place free.
            async with aclosing(self._stream(prompt, params, caller)) as chunks:
                async for chunk in chunks:
                    meter.saw(chunk)
                    yield chunk
        except ServiceError as error:
            meter.outcome = error.code
            if isinstance(prompt, str) and error.extra.get("param") == "messages":
                error.extra["param"] = "prompt"  # engines tell both by the name of the commoner
            raise
        finally:
            meter.close()

    async def _stream(self, prompt: Prompt, params: SamplingParams, caller: str) -> AsyncGenerator[Chunk, None]:
        if reason := await self.engine.ready():
            raise ModelLoading(
                f"The model can't answer yet: {reason.rstrip('.')}.", fix="Try again shortly.", retry_after=5
            )
        ends = time.monotonic() + time_left(self._longest_s)
        tokens = await self._weight(prompt, params)
        async with self._admission.place(caller, tokens), aclosing(self.engine.generate(prompt, params)) as chunks:
            while True:
                try:
                    # A clock around each step, not around the loop: a cancellation must never hit the consumer.
                    async with asyncio.timeout(max(0.0, ends - time.monotonic())):
                        chunk = await anext(chunks)
                except TimeoutError:
                    raise DeadlineExceeded(
                        "The answer was not finished in the time allowed.",
                        fix="Ask for fewer tokens or allow more time.",
                    ) from None
                except StopAsyncIteration:
                    raise UpstreamError("The engine stopped without saying why.") from None
                yield chunk
                if chunk.finish_reason:
                    return

    async def _weight(self, prompt: Prompt, params: SamplingParams) -> int:
        """Tokens that the request may come to hold, where the engine's room is counted in tokens."""
        capacity = self.engine.info.capacity_tokens
        self._admission.room = capacity
        return 0 if capacity is None else await self.engine.weigh(prompt, params)


class _Meter:
    """Times and counts one generation."""

    def __init__(self, metrics: LlmMetrics) -> None:
        self._metrics, self._began = metrics, time.perf_counter()
        self._first: float | None = None
        self.outcome = "abandoned"

    def saw(self, chunk: Chunk) -> None:
        now = time.perf_counter()
        if self._first is None:
            self._first = now
            self._metrics.first_token.observe(now - self._began)
        if chunk.finish_reason:
            self.outcome = chunk.finish_reason
        if chunk.usage:
            self._metrics.prompt_tokens.inc(chunk.usage.prompt_tokens)
            self._metrics.completion_tokens.inc(chunk.usage.completion_tokens)
            if chunk.usage.completion_tokens > 1 and now > self._first:
                self._metrics.rate.observe((chunk.usage.completion_tokens - 1) / (now - self._first))

    def close(self) -> None:
        self._metrics.ended.labels(self.outcome).inc()
