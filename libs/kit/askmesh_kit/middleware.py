"""The one ASGI middleware around every request: id, trace, deadline, body cap, access log, metrics, last-resort errors."""

import asyncio
import re
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from askmesh_kit import context
from askmesh_kit.errors import (
    DeadlineExceeded,
    ErrorResponder,
    Forbidden,
    InvalidRequest,
    ServiceError,
    TooLarge,
    Unavailable,
)
from askmesh_kit.logs import get_logger
from askmesh_kit.metrics import Metrics

log = get_logger("askmesh.http")

_PORT = re.compile(r":\d+$")
_QUIET = {"/livez", "/readyz", "/metrics"}
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_CLIENT_CLOSED_REQUEST = 499


class RequestMiddleware:
    """Wraps an app. `allowed_hosts`: the Host names that are answered; None for any."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        respond: ErrorResponder,
        metrics: Metrics,
        longest_s: float,
        max_body_bytes: int,
        allowed_hosts: frozenset[str] | None,
    ) -> None:
        self._app, self._respond, self._metrics = app, respond, metrics
        self._longest_s, self._max_body_bytes, self._allowed_hosts = longest_s, max_body_bytes, allowed_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = context.accept_request_id(headers.get(context.REQUEST_ID))
        context.request_id.set(request_id)
        context.traceparent.set(context.accept_traceparent(headers.get("traceparent")))
        seconds = context.accept_deadline(headers.get(context.DEADLINE), self._longest_s)
        context.set_deadline(seconds)
        began, status = time.perf_counter(), 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[context.REQUEST_ID] = request_id
                if not clock.expired():
                    # A stream that has begun is bounded by its own producer, not by this clock.
                    clock.reschedule(None)
            await send(message)

        self._metrics.in_flight.inc()
        try:
            async with asyncio.timeout(seconds) as clock:
                try:
                    self._check(scope, headers)
                    await self._app(scope, self._capped(receive), send_with_id)
                except ClientDisconnect:
                    # Nobody is left to answer, and nothing went wrong here.
                    status = status or _CLIENT_CLOSED_REQUEST
                except asyncio.CancelledError:
                    # Beside this clock, only the end of the grace time at shutdown cancels a whole request.
                    if not (status or clock.expired()):
                        stopping = Unavailable("The service is shutting down.", fix="Try again.", code="shutting_down")
                        await self._fail(stopping, scope, receive, send_with_id, status)
                    raise
                except Exception as error:  # noqa: BLE001 - the last resort: logged in full, told in brief
                    await self._fail(error, scope, receive, send_with_id, status)
        except TimeoutError:
            late = DeadlineExceeded(f"No answer within {seconds:g} s.", fix="Try again, or allow more time.")
            await self._fail(late, scope, receive, send_with_id, status)
        finally:
            self._metrics.in_flight.dec()
            self._record(scope, status, time.perf_counter() - began)

    def _check(self, scope: Scope, headers: Headers) -> None:
        host = _PORT.sub("", headers.get("host", "localhost")).lower()
        if self._allowed_hosts is not None and host not in self._allowed_hosts:
            raise InvalidRequest(
                "This service does not answer to that host name.",
                fix="Use another address, or add the name to ALLOWED_HOSTS on the service.",
                code="wrong_host",
            )
        # A form on somebody else's page can send this without being asked first; what has a key was sent on purpose.
        foreign = scope["method"] not in _SAFE_METHODS and headers.get("sec-fetch-site") == "cross-site"
        if foreign and "authorization" not in headers and "api-key" not in headers:
            raise Forbidden("Pages of other sites may not change anything here.", code="cross_site")
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            raise InvalidRequest("The address holds a NUL character.", code="invalid_address")
        length = headers.get("content-length", "")
        if length.isascii() and length.isdigit() and int(length[:18]) > self._max_body_bytes:
            raise self._too_large()

    def _capped(self, receive: Receive) -> Receive:
        total = 0

        async def receive_capped() -> Message:
            nonlocal total
            message = await receive()
            total += len(message.get("body", b""))
            if total > self._max_body_bytes:
                raise self._too_large()
            return message

        return receive_capped

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"The body is larger than {self._max_body_bytes} bytes.",
            fix="Send less at a time, or raise MAX_BODY_BYTES on the service.",
        )

    async def _fail(self, error: Exception, scope: Scope, receive: Receive, send: Send, status: int) -> None:
        if not isinstance(error, ServiceError):
            log.error("unhandled_error", path=scope["path"], exc_info=error)
        if status:
            raise error  # the response has begun: closing the connection is the only honest signal left
        if not isinstance(error, ServiceError):
            fix = f"The operator finds it in the log under {context.request_id.get()}."
            error = ServiceError("Something went wrong here.", fix=fix)
        await self._respond(scope["path"], error)(scope, receive, send)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        self._metrics.requests.labels(scope["method"], route, status).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        write = log.debug if scope["path"] in _QUIET else log.info
        write("request", method=scope["method"], path=scope["path"], status=status, ms=round(seconds * 1000, 1))
