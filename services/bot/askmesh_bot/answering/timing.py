"""How long the steps of an answer take, and how long they may."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from askmesh_bot.peers.errors import Peer, PeerUnavailable


class Timings:
    """Milliseconds since the answer was begun, and of each of its steps. A step that is taken twice adds up."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._ms: dict[str, float] = {}

    @property
    def ms(self) -> dict[str, float]:
        """To a tenth."""
        return {name: round(taken, 1) for name, taken in self._ms.items()}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Counts what is done inside it."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._ms[name] = self._ms.get(name, 0.0) + (time.perf_counter() - began) * 1000

    def mark(self, name: str) -> None:
        """Notes how long it took to come here for the first time."""
        self._ms.setdefault(name, (time.perf_counter() - self._began) * 1000)


@asynccontextmanager
async def limited(peer: Peer, url: str, seconds: float) -> AsyncIterator[None]:
    """What comes before the writing is quick or not at all: whoever asks is told within seconds."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise PeerUnavailable(peer, url, f"it did not answer within {seconds:g} s") from error
