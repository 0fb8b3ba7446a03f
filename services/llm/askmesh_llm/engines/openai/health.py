"""What is remembered of an upstream's failures."""

import time
from collections.abc import Callable

from askmesh_kit.errors import Overloaded, ServiceError, Unavailable, UpstreamError

LONGEST_REST_S = 60.0


def may_move_on(error: ServiceError) -> bool:
    """Whether another upstream might answer what this one did not. A bad request is bad everywhere."""
    return isinstance(error, (Unavailable, UpstreamError, Overloaded)) or error.code == "upstream_timeout"


class Health:
    """An upstream that failed rests: it comes after the others until the rest is over, then one request tries it."""

    def __init__(self, rest_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rest_s, self._clock = rest_s, clock
        self._failures, self.rests_until = 0, 0.0

    @property
    def resting(self) -> bool:
        """Whether the last failure is too recent to ask it first."""
        return self._clock() < self.rests_until

    def trying(self) -> None:
        """A request is on its way. After a failure it goes alone: the others keep away until it has come back."""
        if self._failures:
            self.rests_until = self._clock() + self._rest_s

    def failed(self, error: ServiceError) -> None:
        """Rest: twice as long with each failure in a row, and at least as long as the upstream asked for."""
        self._failures += 1
        rest = self._rest_s * 2.0 ** min(self._failures - 1, 10)
        asked = error.retry_after or 0.0 if isinstance(error, Overloaded) else 0.0
        self.rests_until = self._clock() + min(LONGEST_REST_S, max(rest, asked))

    def recovered(self) -> None:
        """It answered."""
        self._failures, self.rests_until = 0, 0.0
