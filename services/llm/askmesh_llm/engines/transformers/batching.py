"""Continuous batching by the library's own manager: requests join and leave the running batch between two tokens."""

import asyncio
import itertools
import logging
import math
import queue
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from askmesh_kit.errors import ServiceError, Unavailable
from askmesh_kit.logs import get_logger
from transformers import ContinuousBatchingConfig, GenerationConfig

from askmesh_llm.engines.transformers.loading import Loaded
from askmesh_llm.engines.transformers.sampling import BatchSampler, Sampling

log = get_logger("askmesh.llm.transformers")

# Tokens. The library keeps three pages that never hold a request, each 25 MB at 64 tokens of Phi-3-mini; and a request
# holds whole pages.
_PAGE = 16


class _Nowhere(queue.Queue[Any]):
    """Takes the outputs that nobody waits for any more; the library would keep them for ever."""

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        pass


class Batcher:
    """Runs one model in one thread for many requests. Its methods belong to one event loop."""

    def __init__(self, loaded: Loaded, cache_tokens: int, batch_tokens: int, max_active: int) -> None:
        # It writes lines of its own form for every start and stop.
        logging.getLogger("ContinuousBatchingLogger").setLevel(logging.WARNING)
        # A request that alone outgrows the cache would wait for ever: a whole context always fits.
        blocks = math.ceil(max(cache_tokens, loaded.context) / _PAGE)
        self.capacity = blocks * _PAGE
        config = ContinuousBatchingConfig(
            num_blocks=blocks + 1,
            page_size=_PAGE,
            safety_margin=0.0,  # admission keeps what runs within the capacity, so nothing needs to be held in reserve
            max_batch_tokens=batch_tokens,
            max_requests_per_batch=max_active,
            use_async_batching=False,
            use_cuda_graph=False,
            per_request_processors=True,
        )
        stops = list(loaded.stops) or [-1]
        greedy = GenerationConfig(  # type: ignore[no-untyped-call]
            do_sample=False, eos_token_id=stops, pad_token_id=stops[0], max_new_tokens=1
        )
        self._manager = loaded.model.init_continuous_batching(greedy, config)
        self._manager.output_router.output_queue = _Nowhere()
        self._stops = stops
        processors = self._manager.logit_processor
        processors.logits_processor.append(BatchSampler())
        processors.supported_keys = dict(BatchSampler.supported_kwargs)
        processors.tensors_required = 1
        processors.do_processing = True
        self._numbers = itertools.count()

    @staticmethod
    def held_by(tokens: int) -> int:
        """Tokens of the cache that a request of this length takes: whole pages."""
        return math.ceil(tokens / _PAGE) * _PAGE

    def start(self) -> None:
        """Start the generation thread, or start it again after a failure ended it."""
        if not self.running:
            self._manager.start()

    @property
    def running(self) -> bool:
        """Whether the generation thread lives."""
        return bool(self._manager.is_running())

    async def tokens(self, ids: Sequence[int], limit: int, sampling: Sampling) -> AsyncGenerator[list[int], None]:
        """New token ids as they are made, an ending one included. Closing the generator frees the request's place."""
        name = f"request-{next(self._numbers)}"
        arrived: asyncio.Queue[Any] = asyncio.Queue()
        self._manager.register_result_handler(name, arrived.put_nowait)
        seen = 0
        try:
            added = self._manager.add_request(
                list(ids), name, max_new_tokens=limit, streaming=True, eos_token_id=self._stops, sampling=sampling
            )
            if added is None:
                raise Unavailable("The model has stopped.", fix="Try again.", code="model_stopped", retry_after=2)
            while True:
                output = await arrived.get()
                if output.error:
                    log.error("generation_failed", reason=output.error)
                    raise ServiceError("The model failed while answering.", fix="Try again.", code="model_failed")
                fresh, seen = output.generated_tokens[seen:], len(output.generated_tokens)
                if fresh:
                    yield fresh
                if output.is_finished():
                    return
        finally:
            self._release(name)

    def _release(self, name: str) -> None:
        self._manager.cancel_request(name)
        router = self._manager.output_router
        with router._lock:
            router.result_handlers.pop(name, None)

    def close(self) -> None:
        """End what runs and the thread. Blocks until the current step is over."""
        if self.running:
            self._manager.stop(block=True, hard_stop=True, timeout=30)
