"""Who may generate now: a fixed number of places and a bounded queue that takes turns between callers."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from askmesh_kit.errors import Overloaded

from askmesh_llm.serving.metrics import LlmMetrics


class Admission:
    """`max_active` places; up to `max_waiting` requests wait, served one caller after the other in turn."""

    def __init__(self, max_active: int, max_waiting: int, metrics: LlmMetrics) -> None:
        self._max_active, self._max_waiting, self._metrics = max_active, max_waiting, metrics
        self._active = 0
        # Callers in the order of their turn; each with its own requests, oldest first.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._seconds_each = 1.0

    @asynccontextmanager
    async def place(self, caller: str) -> AsyncGenerator[None, None]:
        """Hold one place. Raises Overloaded (429) when the queue is full."""
        await self._enter(caller)
        began = asyncio.get_running_loop().time()
        try:
            yield
        finally:
            took = asyncio.get_running_loop().time() - began
            self._seconds_each += 0.2 * (took - self._seconds_each)
            self._leave()

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return sum(len(requests) for requests in self._waiting.values())

    @property
    def active(self) -> int:
        """Places taken."""
        return self._active

    async def _enter(self, caller: str) -> None:
        if self._active < self._max_active:
            self._active += 1
            self._report()
            return
        if self.waiting >= self._max_waiting:
            seconds = max(1.0, self._seconds_each * (self.waiting + 1) / self._max_active)
            raise Overloaded(
                f"{self._active} requests are being answered and {self.waiting} wait.",
                fix=f"Try again in about {seconds:.0f} s.",
                code="rate_limit_exceeded",
                retry_after=seconds,
            )
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller, deque()).append(turn)
        self._report()
        try:
            await turn
        except asyncio.CancelledError:
            self._forget(caller, turn)
            raise

    def _forget(self, caller: str, turn: asyncio.Future[None]) -> None:
        if turn.done() and not turn.cancelled():
            self._leave()  # the place was handed over in the moment the request was given up
            return
        requests = self._waiting.get(caller)
        if requests and turn in requests:
            requests.remove(turn)
            if not requests:
                del self._waiting[caller]
        self._report()

    def _leave(self) -> None:
        while self._waiting:
            caller = next(iter(self._waiting))
            requests = self._waiting.pop(caller)
            turn = requests.popleft()
            if requests:
                self._waiting[caller] = requests  # back to the end of the round
            if not turn.done():
                turn.set_result(None)  # the place passes on; the number of active ones stays
                self._report()
                return
        self._active -= 1
        self._report()

    def _report(self) -> None:
        self._metrics.active.set(self._active)
        self._metrics.waiting.set(self.waiting)
