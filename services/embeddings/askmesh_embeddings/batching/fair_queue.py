"""Whose texts go into the next batch: fair between callers by tokens served, and between one caller's requests in turn.

Start-time fair queueing (Goyal, Vin and Cheng 1996) over callers: the one that has had least goes first, and a caller
who was away starts level with the others, not with credit.
"""

from collections import deque

from askmesh_embeddings.batching.jobs import Batch, Job


class _Flow:
    """One caller's waiting jobs and the tokens already served to it."""

    def __init__(self, served: int) -> None:
        self.jobs: deque[Job] = deque()
        self.served = served


class FairQueue:
    """Not thread-safe: it lives on the event loop."""

    def __init__(self, max_batch_tokens: int, max_batch_texts: int) -> None:
        self._limits = max_batch_tokens, max_batch_texts
        self._flows: dict[str, _Flow] = {}
        self._clock = 0
        self.tokens = 0
        self.texts = 0

    def add(self, job: Job) -> None:
        flow = self._flows.setdefault(job.caller, _Flow(self._clock))
        flow.jobs.append(job)
        self.tokens += job.waiting_tokens
        self.texts += len(job.waiting)

    def waits(self, caller: str) -> bool:
        """Whether something of `caller` waits."""
        return caller in self._flows

    def take(self) -> Batch:
        """The next batch: the first text is the turn's, the rest whatever shares a batch with it well."""
        batch = Batch(*self._limits)
        by_turn = sorted(self._flows.items(), key=lambda item: item[1].served)
        if by_turn:
            self._clock = by_turn[0][1].served
        for caller, flow in by_turn:
            self._fill(batch, flow)
            if not flow.jobs:
                del self._flows[caller]
            if batch.full:
                break
        return batch

    def discard(self, job: Job) -> None:
        """Forget what of `job` still waits: its client has left, or a batch of it has failed."""
        self.tokens -= job.waiting_tokens
        self.texts -= len(job.waiting)
        job.waiting.clear()
        flow = self._flows.get(job.caller)
        if flow and job in flow.jobs:
            flow.jobs.remove(job)
            if not flow.jobs:
                del self._flows[job.caller]

    def _fill(self, batch: Batch, flow: _Flow) -> None:
        for _ in range(len(flow.jobs)):
            if batch.full:
                return
            before = len(batch.items)
            job = flow.jobs.popleft()
            moved = job.move_to(batch)
            flow.served += moved
            self.tokens -= moved
            self.texts -= len(batch.items) - before
            # Those that got nothing keep their place ahead of those that got some.
            if job.waiting:
                flow.jobs.append(job)
