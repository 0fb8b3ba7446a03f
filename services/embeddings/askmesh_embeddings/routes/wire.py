"""Helpers at the edge: who asks, whether they are still there, and answers without needless work."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from askmesh_kit.auth import Caller
from fastapi import Request, Response
from pydantic_core import to_json

CLIENT_CLOSED_REQUEST = 499  # nginx's status for a client that left; nobody reads it but the metrics


def caller_name(caller: Caller, request: Request) -> str:
    """Who the queue is fair between: keys and, within one key, client addresses."""
    return f"{caller.name}@{request.client.host if request.client else ''}"


def json_response(body: dict[str, Any] | list[Any]) -> Response:
    """Straight to bytes: validating megabytes of our own numbers again would cost more than some encodes."""
    return Response(to_json(body), media_type="application/json")


async def while_connected(request: Request, work: Coroutine[Any, Any, Response]) -> Response:
    """Run `work`, and cancel it when the client goes away."""
    working = asyncio.create_task(work)
    watching = asyncio.create_task(_until_gone(request))
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else Response(status_code=CLIENT_CLOSED_REQUEST)
    finally:
        working.cancel()
        watching.cancel()
        await asyncio.wait({working, watching})


async def _until_gone(request: Request) -> None:
    # The body has been read by now, so the only message left is the disconnect.
    while (await request.receive())["type"] != "http.disconnect":
        pass
