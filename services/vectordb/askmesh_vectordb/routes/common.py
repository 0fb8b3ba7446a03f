"""What the routes share: the store and the limits of the app, page tokens, and bounded results."""

import base64
import binascii
from typing import Annotated, Any

from askmesh_kit.auth import Keyring
from askmesh_kit.errors import InvalidRequest
from fastapi import Depends, Request, Response
from pydantic_core import to_json

from askmesh_vectordb.bindings import Bindings
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import Store, Vector
from askmesh_vectordb.validation import DEFAULT_NAMESPACE, Limits

# Asynchronous, though they wait for nothing: FastAPI would send plain functions to a thread, one hop for each.


async def _store(request: Request) -> Store:
    """As the caller's key may use it."""
    keyring: Keyring = request.app.state.keyring
    bindings: Bindings = request.state.bindings
    return bindings.seen_by(keyring.identify(request).name, request.state.store)


async def _limits(request: Request) -> Limits:
    return Limits(request.app.state.settings)


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


StoreDep = Annotated[Store, Depends(_store)]
LimitsDep = Annotated[Limits, Depends(_limits)]
SettingsDep = Annotated[Settings, Depends(_settings)]

READ_UNITS = {"readUnits": 1}
"""Nothing is metered here; the SDKs expect the field."""


def answer(body: dict[str, Any], most_bytes: int | None = None) -> Response:
    """A JSON response. Raises InvalidRequest where the result is larger than the limit."""
    content = to_json(body)
    if most_bytes is not None and len(content) > most_bytes:
        raise InvalidRequest(
            f"The result has {len(content)} bytes; the limit is {most_bytes}.",
            fix="Ask for fewer matches, or leave out values or metadata.",
            code="result_too_large",
        )
    return Response(content, media_type="application/json")


def numbers(values: Vector | None) -> list[float]:
    """float32 values as JSON numbers with no more digits than they have."""
    return [] if values is None else [float(text) for text in values.astype("U")]


def wire_name(namespace: str) -> str:
    """How listings call a namespace."""
    return namespace or DEFAULT_NAMESPACE


def to_token(cursor: str | None) -> dict[str, Any]:
    """The `pagination` member for the next page, absent on the last one."""
    if cursor is None:
        return {}
    return {"pagination": {"next": base64.urlsafe_b64encode(cursor.encode()).decode()}}


def from_token(token: str | None) -> str | None:
    """The cursor in a page token. Raises InvalidRequest for one that is not ours."""
    if not token:
        return None
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise InvalidRequest("paginationToken: not a token of this service.") from None
