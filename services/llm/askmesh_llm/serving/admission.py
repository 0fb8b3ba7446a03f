"""Who may generate now: places, room counted in tokens, and a bounded queue that takes turns between callers."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from askmesh_kit.errors import Overloaded

from askmesh_llm.serving.metrics import LlmMetrics
from askmesh_llm.serving.turns import Turn, TurnQueue


class Admission:
    """`max_active` places that share `room` tokens; up to `max_waiting` requests wait, one caller after the other.

    A request larger than all the room counts as all of it: it runs alone. Nobody overtakes the one whose turn it is,
    so a large request does not starve. A full queue is shared, too: a caller who has clearly fewer requests in it than
    another takes the place of the other's newest, which gets the 429.
    """

    def __init__(self, max_active: int, max_waiting: int, metrics: LlmMetrics) -> None:
        self._max_active, self._max_waiting, self._metrics = max_active, max_waiting, metrics
        # Tokens that all running requests may hold together; None: only places count.
        self.room: int | None = None
        self._active = self._held = 0
        self._queue = TurnQueue()
        self._seconds_each: float | None = None

    @asynccontextmanager
    async def place(self, caller: str, tokens: int = 0) -> AsyncGenerator[None, None]:
        """Hold one place and room for `tokens`. `caller` is `key/user`. Raises Overloaded (429): the queue is full."""
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
        return len(self._queue)

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
        if not self._queue and self._fits(tokens):
            self._take(tokens)
            return
        if self.waiting >= self._max_waiting:
            evicted = self._queue.evict_for(caller)
            if evicted is None:
                raise self._refusal()
            if not evicted.granted.done():
                evicted.granted.set_exception(self._refusal())
        turn = Turn(tokens, asyncio.get_running_loop().create_future())
        self._queue.push(caller, turn)
        self._report()
        try:
            await turn.granted
        except asyncio.CancelledError:
            self._forget(caller, turn)
            raise

    def _refusal(self) -> Overloaded:
        seconds = self.expected_wait_s
        return Overloaded(
            f"{self._active} requests are being answered and {self.waiting} wait.",
            fix=f"Try again in about {seconds:.0f} s.",
            code="rate_limit_exceeded",
            retry_after=seconds,
        )

    def _take(self, tokens: int) -> None:
        self._active += 1
        self._held += tokens
        self._report()

    def _forget(self, caller: str, turn: Turn) -> None:
        """In the moment a request is given up, it may wait, or have been given its place, or have been refused."""
        granted = turn.granted
        if granted.done() and not granted.cancelled() and granted.exception() is None:
            self._leave(turn.tokens)
            return
        self._queue.remove(caller, turn)
        self._admit()  # the one behind it may be small enough

    def _leave(self, tokens: int) -> None:
        self._active -= 1
        self._held -= tokens
        self._admit()

    def _admit(self) -> None:
        """Give what is free to those whose turn it is."""
        while self._queue:
            turn = self._queue.first()
            if not turn.granted.done():
                if not self._fits(turn.tokens):
                    break
                self._take(turn.tokens)
                turn.granted.set_result(None)
            self._queue.pop()
        self._report()

    def _report(self) -> None:
        self._metrics.active.set(self._active)
        self._metrics.waiting.set(self.waiting)
        self._metrics.held.set(self._held)
