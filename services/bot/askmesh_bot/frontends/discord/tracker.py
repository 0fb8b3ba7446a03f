"""Answers in flight: who waits for how many, and waiting for all of them, and what follows them, at shutdown."""

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
        self._handling: set[asyncio.Task[Any]] = set()
        # Set when no more questions are taken.
        self.stopping = asyncio.Event()

    @property
    def accepting(self) -> bool:
        return not self.stopping.is_set()

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

    @contextmanager
    def handling(self) -> Iterator[None]:
        """Marks the current task as one that handles an event: before and after an answer there is work, too."""
        task = asyncio.current_task()
        assert task is not None
        if task in self._handling:
            yield  # one handler within another
            return
        self._handling.add(task)
        try:
            yield
        finally:
            self._handling.discard(task)

    def waiting(self, asker_id: int) -> int:
        """How many answers this person waits for."""
        return self._askers[asker_id]

    def tasks(self) -> set[asyncio.Task[Any]]:
        """Those that write answers."""
        return set(self._tasks)

    def everything(self) -> set[asyncio.Task[Any]]:
        """And those that handle events."""
        return self._tasks | self._handling

    async def drain(self, seconds: float, tasks: set[asyncio.Task[Any]] | None = None) -> None:
        """Wait for the answers in flight, or those given; cancel what is left after `seconds` and wait for its end."""
        await _ended(self.tasks() if tasks is None else tasks, seconds)

    async def settle(self, seconds: float) -> None:
        """Wait for what still handles an event; cancel what is left after `seconds`. Nothing of it may be at the database
        when that is closed."""
        await _ended(set(self._handling), seconds)


async def _ended(tasks: set[asyncio.Task[Any]], seconds: float) -> None:
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=5)
