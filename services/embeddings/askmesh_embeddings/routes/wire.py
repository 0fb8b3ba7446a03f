"""At the edge: who asks, and answers without needless work."""

from typing import Any

from askmesh_kit.auth import Caller
from fastapi import Request, Response
from pydantic_core import to_json


def caller_name(caller: Caller, request: Request) -> str:
    """Who the queue is fair between: keys and, within one key, client addresses."""
    return f"{caller.name}@{request.client.host if request.client else ''}"


def json_response(body: dict[str, Any] | list[Any]) -> Response:
    """Straight to bytes: validating megabytes of our own numbers again would cost more than some encodes."""
    return Response(to_json(body), media_type="application/json")
