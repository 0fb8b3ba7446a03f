"""How long to wait before the next client."""

import random
import time
from collections import deque
from collections.abc import Callable

# So many clients a day are begun with short pauses, of at most so many seconds; then the pauses grow to the longest.
# Discord allows 1,000 sessions a day.
_QUICK, _DAY_S, _QUICKLY_S = 200, 86_400.0, 15.0


class Backoff:
    """Pauses double, with jitter, while clients end before they worked."""

    def __init__(self, first_s: float, longest_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._first_s, self._longest_s, self._clock = first_s, longest_s, clock
        self._pause_s = first_s
        self._begun: deque[float] = deque(maxlen=_QUICK)

    def next(self, *, worked: bool) -> float:
        """The pause in seconds after a client that `worked`, or did not."""
        now = self._clock()
        quick = len(self._begun) < _QUICK or now - self._begun[0] > _DAY_S
        self._begun.append(now)
        if worked and quick:
            self._pause_s = self._first_s
        pause_s = self._pause_s
        self._pause_s = min(2 * pause_s, min(_QUICKLY_S, self._longest_s) if quick else self._longest_s)
        return random.uniform(pause_s / 2, pause_s)  # noqa: S311 - spreads reconnects, guards nothing
