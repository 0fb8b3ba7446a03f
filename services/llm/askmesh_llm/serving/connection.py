"""Server-sent events, sent as long as their client reads them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from typing import Any

from askmesh_kit.errors import ServiceError, Unavailable, openai_error
from askmesh_kit.logs import get_logger
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

log = get_logger("askmesh.llm")


def event(data: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


class EventStream(Response):
    """Sends events as they come. A failure becomes a last `{"error": …}` event, and no `[DONE]` follows it.

    A client that disconnects, or does not read for `stalled_s` seconds, ends the events' generator.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[bytes, None], stalled_s: float) -> None:
        super().__init__(headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._events, self._stalled_s = events, stalled_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        pump = asyncio.ensure_future(self._pump(send))
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait({pump, gone}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            # The server shuts down and the grace time is over.
            await _cancel(pump)
            stopping = Unavailable("The service is shutting down.", fix="Try again.", code="shutting_down")
            with contextlib.suppress(ClientDisconnect):
                await self._send(send, event(openai_error(stopping)))
                await self._send(send, b"", last=True)
            raise
        finally:
            await _cancel(pump, gone)
            await self._events.aclose()

    async def _pump(self, send: Send) -> None:
        with contextlib.suppress(ClientDisconnect):
            try:
                async for data in self._events:
                    await self._send(send, data)
            except ServiceError as error:
                await self._send(send, event(openai_error(error)))
            except Exception as error:
                log.error("generation_failed", exc_info=error)
                await self._send(send, event(openai_error(ServiceError("Something went wrong here."))))
            await self._send(send, b"", last=True)

    async def _send(self, send: Send, data: bytes, *, last: bool = False) -> None:
        try:
            async with asyncio.timeout(self._stalled_s):
                await send({"type": "http.response.body", "body": data, "more_body": not last})
        except OSError as error:  # TimeoutError is one: the client does not read
            raise ClientDisconnect from error


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancel(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not report it as forgotten
