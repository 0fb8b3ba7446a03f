"""What travels with a request: its id, its trace and its deadline."""

import re
import secrets
import time
from contextvars import ContextVar

from askmesh_kit.errors import DeadlineExceeded

REQUEST_ID = "X-Request-Id"
DEADLINE = "X-Request-Deadline-Ms"

request_id: ContextVar[str] = ContextVar("request_id", default="")
traceparent: ContextVar[str] = ContextVar("traceparent", default="")
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def accept_request_id(given: str | None) -> str:
    """The caller's id where it is harmless to log, else a new one."""
    return given if given and _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def accept_traceparent(given: str | None) -> str:
    """The caller's W3C trace context, or the start of a new trace."""
    if given and _TRACEPARENT.fullmatch(given):
        return given
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def accept_deadline(given_ms: str | None, longest_s: float) -> float:
    """Seconds this request may take: what the caller has left, at most `longest_s`."""
    if given_ms is None or not given_ms.isascii() or not given_ms.isdigit():
        return longest_s
    return min(longest_s, int(given_ms[:9]) / 1000)


def set_deadline(seconds: float) -> None:
    """Start the clock for everything done on behalf of this task."""
    _deadline.set(time.monotonic() + seconds)


def time_left(default: float) -> float:
    """Seconds left to the current request, at most `default`. Raises DeadlineExceeded when none are."""
    deadline = _deadline.get()
    if deadline is None:
        return default
    left = deadline - time.monotonic()
    if left <= 0:
        raise DeadlineExceeded("The time allowed for this request is used up.", fix="Allow more time, or ask for less.")
    return min(default, left)
