"""Threads that encode: the lanes of one priority, fed greedily from one queue.

There is no timer: a free lane takes what waits at that moment. Under load texts gather while the lanes are busy, so
batches grow by themselves; without load nobody waits for company.
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from askmesh_embeddings.batching.fair_queue import FairQueue
from askmesh_embeddings.batching.jobs import Batch
from askmesh_embeddings.encoders.base import Tokens, Vectors

Encode = Callable[[Sequence[Tokens]], Vectors]
Observe = Callable[[Batch, float], None]


class Lanes:
    """`count` threads over one queue. All methods run on the event loop; only `encode` runs in the threads."""

    def __init__(self, queue: FairQueue, encode: Encode, *, count: int, nice: int, observe: Observe) -> None:
        self._queue, self._encode, self._observe = queue, encode, observe
        self._free = count
        self._idle = asyncio.Event()
        self._idle.set()
        self._count = count
        self._threads = ThreadPoolExecutor(count, f"encode-nice-{nice}", initializer=_lower_priority, initargs=(nice,))

    def start_work(self) -> None:
        """Give every free lane a batch, while texts wait."""
        loop = asyncio.get_running_loop()
        while self._free and self._queue.texts:
            batch = self._queue.take()
            self._free -= 1
            self._idle.clear()
            began = time.perf_counter()
            work = loop.run_in_executor(self._threads, self._encode_whole, batch.tokens)
            work.add_done_callback(partial(self._finish, batch, began))

    async def close(self) -> None:
        """Wait for the running and waiting batches, then end the threads."""
        await self._idle.wait()
        self._threads.shutdown(wait=True)

    def _encode_whole(self, tokens: Sequence[Tokens]) -> Vectors:
        vectors = self._encode(tokens)
        if len(vectors) != len(tokens):
            raise ValueError(f"the encoder gave {len(vectors)} vectors for {len(tokens)} texts")
        return vectors

    def _finish(self, batch: Batch, began: float, work: "asyncio.Future[Vectors]") -> None:
        self._free += 1
        if error := work.exception():
            for job in {job for job, _ in batch.items}:
                self._queue.discard(job)
                job.fail(error)
        else:
            for (job, position), vector in zip(batch.items, work.result(), strict=True):
                job.deliver(position, vector)
            self._observe(batch, time.perf_counter() - began)
        self.start_work()
        if self._free == self._count:
            self._idle.set()


def _lower_priority(nice: int) -> None:
    # On Linux niceness belongs to the thread; elsewhere this would slow the whole process.
    if nice and sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
