"""Safe JSON bodies: what FastAPI's own parser lets through, or answers with a 500, becomes a clear 400 here."""

import math
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic_core import from_json

from askmesh_kit.errors import InvalidRequest, UnsupportedMediaType

# What the slow walk is taken for, all rare: a number that may overflow to infinity (an exponent of three digits, or one
# of two after 200 digits), or an escaped NUL. Long runs of digits are looked for in a copy whose digits are all zero
# bytes: a regular expression would take ten times as long over a body of vectors.
_LARGE_EXPONENT = re.compile(rb"[eE]\+?\d{3}")
_DIGITS_TO_ZERO = bytes(0 if byte in b"0123456789" else 1 for byte in range(256))
_MANY_DIGITS = bytes(200)


def parse_json(body: bytes, max_depth: int) -> Any:
    """Parse strictly: UTF-8, finite numbers, whole surrogate pairs, no NUL. Raises InvalidRequest."""
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidRequest(f"The body is not valid JSON: {error}.", code="invalid_json") from None
    if body.count(b"[") + body.count(b"{") > max_depth:
        _check_depth(value, max_depth)
    if b"\\u0000" in body or _LARGE_EXPONENT.search(body) or _MANY_DIGITS in body.translate(_DIGITS_TO_ZERO):
        _check_scalars(value)
    return value


def _check_depth(value: Any, max_depth: int) -> None:
    level, depth = [value], 0
    while level := [child for item in level for child in _children(item) if isinstance(child, (dict, list))]:
        depth += 1
        if depth >= max_depth:
            raise InvalidRequest(f"The body is nested more than {max_depth} levels deep.", code="invalid_json")


def _check_scalars(value: Any) -> None:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, float) and not math.isfinite(item):
            raise InvalidRequest("A number in the body is too large.", code="invalid_json")
        if isinstance(item, str) and "\0" in item:
            raise InvalidRequest("A string in the body holds a NUL character.", code="invalid_json")
        if isinstance(item, dict):
            stack.extend(item)
        stack.extend(_children(item))


def _children(item: Any) -> Any:
    return item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()


class _JsonRequest(Request):
    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = parse_json(await self.body(), self.app.state.settings.max_json_depth)
        return self._json


class JsonRoute(APIRoute):
    """The route class of every askmesh router: `APIRouter(route_class=JsonRoute)`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler, takes_json = super().get_route_handler(), self.body_field is not None

        async def handle(request: Request) -> Response:
            request = _JsonRequest(request.scope, request.receive)
            # Read and parsed before FastAPI's own handler, which would replace our errors by a vague one.
            if await request.body():
                media_type = request.headers.get("content-type", "")
                if "json" in media_type.lower():
                    await request.json()
                elif takes_json:
                    raise _not_json(media_type)
            return await handler(request)

        return handle


def _not_json(media_type: str) -> UnsupportedMediaType:
    """`curl -d` calls any body a form unless it is told otherwise."""
    kind = media_type.partition(";")[0].strip()[:80]
    said = f"The body's Content-Type is {kind!r}." if kind else "The body has no Content-Type."
    return UnsupportedMediaType(said, fix="Send JSON, with the header Content-Type: application/json.")
