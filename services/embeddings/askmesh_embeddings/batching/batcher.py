"""Queries before bulk: two queues with lanes of their own, over one encoder.

Both kinds of lane share the cores. Bulk lanes run at a lower scheduling priority, so the kernel gives a query that
arrives in the middle of an ingest the core at once, and bulk work the whole machine when there are no queries.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from askmesh_kit.context import time_left
from askmesh_kit.errors import Overloaded, Unavailable

from askmesh_embeddings.batching.fair_queue import FairQueue
from askmesh_embeddings.batching.jobs import Batch, Job
from askmesh_embeddings.batching.lanes import Encode, Lanes
from askmesh_embeddings.encoders.base import Tokens, Vectors
from askmesh_embeddings.metrics import EmbeddingMetrics

Priority = Literal["interactive", "bulk"]

# How fast the estimate of throughput follows the last batches, and its first guess in tokens per second.
_SMOOTHING = 0.1
_FIRST_GUESS = 2_000.0
_LONGEST_RETRY_S = 60.0


@dataclass(frozen=True)
class BatchLimits:
    """Bounds of the queue (tokens waiting, per priority) and of one batch (padded tokens, texts).

    `queue_reserve` is the share on top of a queue's bound that only callers with nothing waiting may use.
    """

    interactive_queue_tokens: int
    bulk_queue_tokens: int
    interactive_texts: int
    batch_tokens: int
    batch_texts: int
    bulk_nice: int
    queue_reserve: float


class Batcher:
    """Encodes requests in shared batches. `close` drains; nothing is admitted after it has been called."""

    def __init__(self, encode: Encode, limits: BatchLimits, lanes: int, metrics: EmbeddingMetrics) -> None:
        self._limits, self._metrics, self._lane_count = limits, metrics, lanes
        self._closing = False
        self._tokens_per_s = _FIRST_GUESS
        self._bounds: dict[Priority, int] = {
            "interactive": limits.interactive_queue_tokens,
            "bulk": limits.bulk_queue_tokens,
        }
        self._queues: dict[Priority, FairQueue] = {}
        self._lanes: dict[Priority, Lanes] = {}
        niceness: dict[Priority, int] = {"interactive": 0, "bulk": limits.bulk_nice}
        for priority, nice in niceness.items():
            queue = FairQueue(limits.batch_tokens, limits.batch_texts)
            self._queues[priority] = queue
            self._lanes[priority] = Lanes(queue, encode, count=lanes, nice=nice, observe=self._observe)
            metrics.watch_queue(priority, queue)

    async def encode(self, tokens: Sequence[Tokens], caller: str) -> Vectors:
        """The vectors of `tokens`, float32 [n, dim]. Raises Overloaded, Unavailable (closing), DeadlineExceeded.

        Cancelling the call takes what still waits of it out of the queue.
        """
        time_left(0.001)
        priority: Priority = "interactive" if len(tokens) <= self._limits.interactive_texts else "bulk"
        queue = self._queues[priority]
        self._admit(priority, queue, sum(map(len, tokens)), caller)
        job = Job(tokens, caller, asyncio.get_running_loop())
        queue.add(job)
        self._lanes[priority].start_work()
        try:
            return await job.result
        finally:
            queue.discard(job)

    async def close(self) -> None:
        """Finish what was admitted, then stop."""
        self._closing = True
        for lanes in self._lanes.values():
            await lanes.close()

    def _admit(self, priority: Priority, queue: FairQueue, tokens: int, caller: str) -> None:
        if self._closing:
            raise Unavailable("The service is shutting down.", fix="Try again.", code="shutting_down", retry_after=1)
        # One caller's flood must not shut the others out.
        bound = self._bounds[priority] * (1 if queue.waits(caller) else 1 + self._limits.queue_reserve)
        # An empty queue takes a request of any size: else one larger than the bound could never be served.
        if queue.tokens and queue.tokens + tokens > bound:
            self._metrics.refused.labels(priority).inc()
            wait_s = min(_LONGEST_RETRY_S, queue.tokens / (self._tokens_per_s * self._lane_count))
            raise Overloaded(
                f"{queue.texts} texts are waiting already.",
                fix="Try again later, or send less at a time.",
                retry_after=wait_s,
            )

    def _observe(self, batch: Batch, seconds: float) -> None:
        tokens = sum(map(len, batch.tokens))
        self._tokens_per_s += _SMOOTHING * (tokens / seconds - self._tokens_per_s)
        self._metrics.record_batch(len(batch.items), tokens, seconds)
