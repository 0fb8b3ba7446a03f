"""At the edge: who asks, and answers without needless work."""

import asyncio
from collections.abc import Iterable
from typing import Any

from askmesh_kit.auth import Caller
from fastapi import Request, Response
from pydantic_core import to_json

_ENTRIES_A_STEP = 16


def caller_name(caller: Caller, request: Request) -> str:
    """Who the queue is fair between: keys and, within one key, client addresses."""
    return f"{caller.name}@{request.client.host if request.client else ''}"


def json_response(body: dict[str, Any] | list[Any]) -> Response:
    """Straight to bytes: validating megabytes of our own numbers again would cost more than some encodes."""
    return Response(to_json(body), media_type="application/json")


async def json_list_response(entries: Iterable[Any], field: str = "", **others: Any) -> Response:
    """A JSON array, alone or as `field` of an object beside `others`.

    Written in steps of a few milliseconds: thousands of vectors in one go would hold up every query.
    """
    parts = []
    for number, entry in enumerate(entries):
        parts.append(to_json(entry))
        if number % _ENTRIES_A_STEP == _ENTRIES_A_STEP - 1:
            await asyncio.sleep(0)
    content = b"[%b]" % b",".join(parts)
    if field:
        content = b"%b,%b:%b}" % (to_json(others)[:-1], to_json(field), content)
    return Response(content, media_type="application/json")
