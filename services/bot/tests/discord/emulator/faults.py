"""Faults a test asks for, applied to the next REST requests that match."""

import asyncio
import re
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web

from .limits import too_many

Kind = Literal[
    "status",
    "html",
    "rate_limit",
    "untold_limit",
    "global_limit",
    "no_via",
    "cloudflare",
    "stall",
    "reset_before",
    "reset_after",
]


@dataclass
class Fault:
    """What goes wrong, with which requests (a method and a pattern of the path), and how often."""

    kind: Kind
    method: str = ".*"
    path: str = ".*"
    times: int = 1
    status: int = 503
    seconds: float = 1.0
    # Ends a stall, instead of `seconds`.
    released: asyncio.Event | None = None
    hits: int = 0

    def matches(self, method: str, path: str) -> bool:
        return self.hits < self.times and bool(re.fullmatch(self.method, method) and re.search(self.path, path))


@dataclass
class Faults:
    waiting: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault) -> Fault:
        self.waiting.append(fault)
        return fault

    def next(self, method: str, path: str) -> Fault | None:
        for fault in self.waiting:
            if fault.matches(method, path):
                fault.hits += 1
                return fault
        return None


async def instead(fault: Fault, request: web.Request) -> web.Response | None:
    """The response a fault gives in place of the real one; None where the request goes on (later, or cut after)."""
    if fault.kind == "status":
        return web.json_response({"message": f"{fault.status}: injected", "code": 0}, status=fault.status)
    if fault.kind == "rate_limit":
        return too_many(fault.seconds, {}, scope="shared")
    if fault.kind == "global_limit":
        return too_many(fault.seconds, {}, scope="global")
    if fault.kind == "html":
        return web.Response(text="<html><body>Bad gateway</body></html>", content_type="text/html", status=fault.status)
    if fault.kind == "untold_limit":
        told = {"Via": "1.1 google"}
        return web.json_response({"message": "You are being rate limited."}, status=429, headers=told)
    if fault.kind == "no_via":
        return web.json_response({"message": "You are being rate limited.", "retry_after": fault.seconds}, status=429)
    if fault.kind == "cloudflare":
        told = {"Retry-After": f"{fault.seconds:g}"}
        return web.Response(text="error code: 1015", content_type="text/html", status=429, headers=told)
    if fault.kind == "stall":
        await (fault.released.wait() if fault.released else asyncio.sleep(fault.seconds))
    if fault.kind == "reset_before":
        cut(request)
        return web.Response(status=500)
    return None


def cut(request: web.Request) -> None:
    """Close the connection under the client, as a reset does."""
    if request.transport is not None:
        request.transport.abort()
