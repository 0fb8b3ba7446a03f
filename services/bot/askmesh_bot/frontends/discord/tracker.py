"""Answers in flight: who waits for how many, and waiting for all of them at shutdown."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Tracker:
    """Counts the tasks that write answers."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._askers: Counter[int] = Counter()
        self.accepting = True

    @contextmanager
    def track(self, asker_id: int) -> Iterator[None]:
        """Keeps the current task on the list while the block runs."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._askers[asker_id] += 1
        try:
            yield
        finally:
            self._tasks.discard(task)
            self._askers[asker_id] -= 1
            if not self._askers[asker_id]:
                del self._askers[asker_id]

    def waiting(self, asker_id: int) -> int:
        """How many answers this person waits for."""
        return self._askers[asker_id]

    def tasks(self) -> set[asyncio.Task[Any]]:
        return set(self._tasks)

    async def drain(self, seconds: float, tasks: set[asyncio.Task[Any]] | None = None) -> None:
        """Wait for the answers in flight, or those given; cancel what is left after `seconds` and wait for its end."""
        tasks = self.tasks() if tasks is None else tasks
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=5)
