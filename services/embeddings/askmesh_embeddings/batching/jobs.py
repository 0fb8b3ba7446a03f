"""One request's texts on their way through the queue."""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from askmesh_embeddings.encoders.base import Tokens, Vectors

# Below this length padding is cheap, so any two texts may share a batch; above it, only if the shorter is at least
# half as long as the longer.
ALWAYS_TOGETHER = 32


class Batch:
    """Texts of one encoder call: (job, position in the job) pairs, bounded by padded tokens and by count."""

    def __init__(self, max_tokens: int, max_texts: int) -> None:
        self._max_tokens, self._max_texts = max_tokens, max_texts
        self.items: list[tuple[Job, int]] = []
        self.longest = 0
        self._shortest = 0

    @property
    def tokens(self) -> list[Tokens]:
        return [job.tokens[position] for job, position in self.items]

    @property
    def full(self) -> bool:
        return len(self.items) >= self._max_texts or (len(self.items) + 1) * self.longest > self._max_tokens

    def fits(self, length: int) -> bool:
        """Whether a text of `length` tokens may join. Anything fits an empty batch."""
        if not self.items:
            return True
        longest, shortest = max(self.longest, length), min(self._shortest, length)
        within = len(self.items) < self._max_texts and (len(self.items) + 1) * longest <= self._max_tokens
        return within and (longest <= ALWAYS_TOGETHER or 2 * shortest >= longest)

    def add(self, job: "Job", position: int) -> None:
        length = len(job.tokens[position])
        self._shortest = min(self._shortest, length) if self.items else length
        self.longest = max(self.longest, length)
        self.items.append((job, position))


class Job:
    """The texts of one request. `result` completes when the last of them is encoded."""

    def __init__(self, tokens: Sequence[Tokens], caller: str, loop: asyncio.AbstractEventLoop) -> None:
        self.tokens, self.caller = tokens, caller
        self.result: asyncio.Future[Vectors] = loop.create_future()
        # Positions not yet in a batch, shortest text first.
        self.waiting = sorted(range(len(tokens)), key=lambda position: len(tokens[position]))
        self._unfinished = len(tokens)
        self._rows: list[Vectors | None] = [None] * len(tokens)

    @property
    def waiting_tokens(self) -> int:
        return sum(len(self.tokens[position]) for position in self.waiting)

    def move_to(self, batch: Batch) -> int:
        """Move all that fits into `batch`, those nearest in length first. Returns the number of tokens moved."""
        moved = 0
        while self.waiting and not batch.full:
            index = self._nearest(batch.longest) if batch.items else len(self.waiting) - 1
            position = self.waiting[index]
            if not batch.fits(len(self.tokens[position])):
                break
            del self.waiting[index]
            batch.add(self, position)
            moved += len(self.tokens[position])
        return moved

    def deliver(self, position: int, vector: Vectors) -> None:
        """Take one text's vector."""
        self._rows[position] = vector
        self._unfinished -= 1
        if not self._unfinished and not self.result.done():
            self.result.set_result(np.stack([row for row in self._rows if row is not None]))

    def fail(self, error: BaseException) -> None:
        if not self.result.done():
            self.result.set_exception(error)

    def _nearest(self, length: int) -> int:
        """The longest waiting text that needs no more padding than `length`, else the shortest of all."""
        after = bisect_right(self.waiting, length, key=lambda position: len(self.tokens[position]))
        return max(0, after - 1)
