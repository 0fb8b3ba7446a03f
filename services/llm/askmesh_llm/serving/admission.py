"""Who may generate now: places, room counted in tokens, and a bounded queue that takes turns between callers."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from askmesh_kit.errors import Overloaded

from askmesh_llm.serving.metrics import LlmMetrics


@dataclass(slots=True, eq=False)
class _Turn:
    """A request in the queue, and what it needs."""

    tokens: int
    granted: asyncio.Future[None]


class Admission:
    """`max_active` places that share `room` tokens; up to `max_waiting` requests wait, one caller after the other.

    A request larger than all the room counts as all of it: it runs alone. Nobody overtakes the one whose turn it is,
    so a large request does not starve.
    """

    def __init__(self, max_active: int, max_waiting: int, metrics: LlmMetrics) -> None:
        self._max_active, self._max_waiting, self._metrics = max_active, max_waiting, metrics
        # Tokens that all running requests may hold together; None: only places count.
        self.room: int | None = None
        self._active = self._held = 0
        # Callers in the order of their turn; each with its own requests, oldest first.
        self._waiting: dict[str, deque[_Turn]] = {}
        self._seconds_each: float | None = None

    @asynccontextmanager
    async def place(self, caller: str, tokens: int = 0) -> AsyncGenerator[None, None]:
        """Hold one place and room for `tokens`. Raises Overloaded (429) when the queue is full."""
        tokens = tokens if self.room is None else min(tokens, self.room)
        await self._enter(caller, tokens)
        began = asyncio.get_running_loop().time()
        try:
            yield
        finally:
            took = asyncio.get_running_loop().time() - began
            before = took if self._seconds_each is None else self._seconds_each
            self._seconds_each = before + 0.2 * (took - before)
            self._leave(tokens)

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return sum(len(turns) for turns in self._waiting.values())

    @property
    def active(self) -> int:
        """Places taken."""
        return self._active

    @property
    def held(self) -> int:
        """Tokens of the room taken."""
        return self._held

    @property
    def expected_wait_s(self) -> float:
        """How long a request that came now would wait, from how long the latest ones took; at least a second.

        As many run side by side as do now: with long prompts those are fewer than there are places.
        """
        return max(1.0, (self._seconds_each or 1.0) * (self.waiting + 1) / max(1, self._active))

    def _fits(self, tokens: int) -> bool:
        return self._active < self._max_active and (self.room is None or self._held + tokens <= self.room)

    async def _enter(self, caller: str, tokens: int) -> None:
        if not self._waiting and self._fits(tokens):
            self._take(tokens)
            return
        if self.waiting >= self._max_waiting:
            seconds = self.expected_wait_s
            raise Overloaded(
                f"{self._active} requests are being answered and {self.waiting} wait.",
                fix=f"Try again in about {seconds:.0f} s.",
                code="rate_limit_exceeded",
                retry_after=seconds,
            )
        turn = _Turn(tokens, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(caller, deque()).append(turn)
        self._report()
        try:
            await turn.granted
        except asyncio.CancelledError:
            self._forget(caller, turn)
            raise

    def _take(self, tokens: int) -> None:
        self._active += 1
        self._held += tokens
        self._report()

    def _forget(self, caller: str, turn: _Turn) -> None:
        if turn.granted.done() and not turn.granted.cancelled():
            self._leave(turn.tokens)  # the place was given in the moment the request was given up
            return
        turns = self._waiting.get(caller)
        if turns and turn in turns:
            turns.remove(turn)
            if not turns:
                del self._waiting[caller]
        self._admit()  # the one behind it may be small enough

    def _leave(self, tokens: int) -> None:
        self._active -= 1
        self._held -= tokens
        self._admit()

    def _admit(self) -> None:
        """Give what is free to those whose turn it is."""
        while self._waiting:
            caller = next(iter(self._waiting))
            turns = self._waiting[caller]
            if not turns[0].granted.done():
                if not self._fits(turns[0].tokens):
                    break
                self._take(turns[0].tokens)
                turns[0].granted.set_result(None)
            turns.popleft()
            del self._waiting[caller]
            if turns:
                self._waiting[caller] = turns  # back to the end of the round
        self._report()

    def _report(self) -> None:
        self._metrics.active.set(self._active)
        self._metrics.waiting.set(self.waiting)
        self._metrics.held.set(self._held)
