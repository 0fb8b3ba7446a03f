"""How the connection to Discord stands, in a form for readiness checks and logs."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """`standby`: another process holds the connection. `failed`: only a person can mend it."""

    STOPPED = "stopped"
    STANDBY = "standby"
    CONNECTING = "connecting"
    READY = "ready"
    RECONNECTING = "reconnecting"
    FAILED = "failed"


@dataclass
class Status:
    """Written by the supervisor and its client, read by `check()`."""

    state: State = State.STOPPED
    # Since when, on the monotonic clock.
    since: float = field(default_factory=time.monotonic)
    reason: str = ""
    fix: str = ""
    restarts: int = 0
    dropped_events: int = 0
    latency_s: float | None = None
    last_error: str = ""
    # What works, but not as some server's options want it.
    warning: str = ""
    # When a session was last begun, on the monotonic clock.
    identified_at: float = -math.inf
    # For how many seconds more no call goes out.
    paused_s: Callable[[], float] = lambda: 0.0

    def enter(self, state: State, reason: str = "", fix: str = "") -> None:
        if state is not self.state:
            self.since = time.monotonic()
        self.state, self.reason, self.fix = state, reason, fix

    @property
    def problem(self) -> str | None:
        """Why Discord is not served now, with the remedy; None where it is, by this process or another."""
        if self.state in (State.READY, State.STANDBY, State.STOPPED):
            return self.warning or None if self.state is State.READY else None
        if self.state is State.FAILED:
            return f"Discord: failed: {self.reason} {self.fix}".strip()
        seconds = time.monotonic() - self.since
        cause = f": {self.last_error}" if self.last_error else ""
        return f"Discord: {self.state} for {seconds:.0f} s, {self.restarts} restarts{cause}"
