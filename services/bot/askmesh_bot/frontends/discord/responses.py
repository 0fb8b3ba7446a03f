"""Reads what Discord's API answers leniently: proxies in front of it, and servers that stand in for it, leave out or write
differently what discord.py insists on, and it would raise what nobody expects."""

import json
import math
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy

_JSON = "application/json"
# How long a refusal lasts that does not say so, in seconds.
UNTOLD_S = 2.0
_LIMITS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-RateLimit-Reset-After")


def lenient() -> aiohttp.TraceConfig:
    """For a session's `trace_configs`: responses are completed before anybody reads them."""
    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(_complete)
    return trace


async def _complete(_: aiohttp.ClientSession, __: SimpleNamespace, ended: aiohttp.TraceRequestEndParams) -> None:
    response = ended.response
    headers = CIMultiDict(response.headers)
    if headers.get("Content-Type", "").partition(";")[0].strip().lower() == _JSON:
        # discord.py takes any other spelling for a page.
        headers["Content-Type"] = _JSON
    if not _readable(headers):
        for name in _LIMITS:
            headers.popall(name, None)
    if response.status == 204 and response.url.path.endswith("/callback"):
        # Discord tells what became of an interaction where it is asked to; others only that it was heard.
        headers["Content-Type"], response._body = _JSON, _callback(response.url.path)
    if response.status == 429 and headers.get("Content-Type") == _JSON:
        await _complete_refusal(response, headers)
    # There is no public way to pass on other headers than came. aiohttp remembers those it was asked for.
    response._headers = response._cache["headers"] = CIMultiDictProxy(headers)


async def _complete_refusal(response: aiohttp.ClientResponse, headers: CIMultiDict[str]) -> None:
    """Both the body and the headers of a refusal say for how long."""
    try:
        told: Any = json.loads(await response.read())
    except ValueError:
        told = None
    told = told if isinstance(told, dict) else {}
    times = told.get("retry_after"), headers.get("Retry-After"), headers.get("X-RateLimit-Reset-After"), UNTOLD_S
    seconds = next(seconds for time in times if (seconds := _number(time)) is not None)
    headers.setdefault("Retry-After", f"{seconds:g}")
    response._body = json.dumps({"message": "", **told, "retry_after": seconds}).encode()


def _callback(path: str) -> bytes:
    interaction_id = path.split("/")[-3]
    return json.dumps({"interaction": {"id": interaction_id, "type": 2}}).encode()


def _readable(headers: Mapping[str, str]) -> bool:
    """Whether the limits that are told, if any, are whole."""
    if "X-RateLimit-Remaining" not in headers:
        return True
    resets = headers.get("X-RateLimit-Reset-After") or headers.get("X-RateLimit-Reset")
    counts = headers["X-RateLimit-Remaining"], headers.get("X-RateLimit-Limit", "1")
    return _number(resets) is not None and all(count.isdecimal() for count in counts)


def _number(value: object) -> float | None:
    """A time in seconds."""
    try:
        seconds = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return seconds if 0 <= seconds < math.inf else None
