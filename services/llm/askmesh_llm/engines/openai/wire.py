"""The upstream's side of OpenAI's protocol: events out of bytes, and its errors as ours."""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import contextmanager
from typing import Any

import httpx2
from askmesh_kit.errors import (
    DeadlineExceeded,
    InvalidRequest,
    Overloaded,
    ServiceError,
    TooLarge,
    Unavailable,
    UpstreamError,
)

from askmesh_llm.engines.base import ContextLengthExceeded
from askmesh_llm.engines.openai.text import parse, whole_characters

# An event longer than this, in bytes, is not something a token stream holds.
LONGEST_EVENT = 1024 * 1024
# A body longer than this, in bytes, is no list of models and no prompt's token ids.
LONGEST_BODY = 16 * 1024 * 1024
# Nobody is told to wait longer than this, in seconds.
_LONGEST_WAIT_S = 86_400.0
_CODE = re.compile(r"[\w.-]{1,64}", re.ASCII)


@contextmanager
def translated_errors() -> Generator[None, None, None]:
    """Raises our errors in the place of the HTTP client's."""
    try:
        yield
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
        raise Unavailable(
            "The upstream model server can't be reached.",
            fix="Check ASKMESH_LLM_UPSTREAM_URL and that the server runs.",
            code="upstream_unavailable",
            retry_after=2,
        ) from error
    except (httpx2.TimeoutException, TimeoutError) as error:
        raise DeadlineExceeded(
            "The upstream model server was silent for too long.", fix="Try again.", code="upstream_timeout"
        ) from error
    except (httpx2.TransportError, httpx2.DecodingError) as error:
        raise disconnected() from error


def disconnected() -> UpstreamError:
    """The upstream closed in the middle of an answer."""
    return UpstreamError("The upstream broke off its answer.", fix="Try again.", code="upstream_disconnected")


async def check_status(response: httpx2.Response) -> None:
    """Raises the upstream's error, if it is one, as ours."""
    if response.status_code == 200:
        return
    text = (await whole(response, LONGEST_EVENT)).decode(errors="replace")
    raise status_error(response.status_code, text, response.headers.get("retry-after"))


async def whole(response: httpx2.Response, limit: int = LONGEST_BODY) -> bytes:
    """The body of a streamed response, cut after `limit` bytes: it may never end."""
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > limit:
            break
    return bytes(body[:limit])


def status_error(status: int, text: str, retry_after: str | None) -> ServiceError:
    """Our error for an upstream's status and body. What only the operator can mend is a 502 for the caller."""
    message, code, param = _error_fields(text)
    said = f"The upstream says: {message}" + ("" if message.endswith((".", "!", "?")) else ".")
    if status == 400 and (code == "context_length_exceeded" or "maximum context length" in message):
        return ContextLengthExceeded(message, param=param)
    if status in (400, 422):
        return InvalidRequest(said, code=code or "upstream_refused", param=param)
    if status == 413:
        return TooLarge(said)
    if status == 429:
        seconds = float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else 1.0
        wait = min(seconds, _LONGEST_WAIT_S)
        return Overloaded(said, fix="Try again later.", code="rate_limit_exceeded", retry_after=wait)
    if status in (401, 403):
        fix = "The operator sets ASKMESH_LLM_UPSTREAM_API_KEY."
        return UpstreamError("The upstream refuses our key.", fix=fix, code="upstream_unauthorized")
    if status == 404:
        fix = "The operator checks ASKMESH_LLM_UPSTREAM_URL, which mostly ends in /v1, and ASKMESH_LLM_UPSTREAM_MODEL."
        return UpstreamError(said, fix=fix, code="upstream_not_found")
    if status == 503:
        return Unavailable(said, fix="Try again.", code="upstream_unavailable", retry_after=2)
    return UpstreamError(f"The upstream failed with status {status}. {said}", fix="Try again.")


def _error_fields(text: str) -> tuple[str, str | None, str | None]:
    """Message, code and parameter of an error body in OpenAI's shape, or what can be had of another."""
    try:
        body = parse(text)
    except ValueError:
        body = None
    return _fields(body, text)


def _fields(body: Any, text: str) -> tuple[str, str | None, str | None]:
    """As `_error_fields`, of a body and the text that it was read from."""
    error = body.get("error", body) if isinstance(body, dict) else None
    fields = error if isinstance(error, dict) else {}
    message = fields.get("message") or fields.get("detail") or error
    shown = message[:1000] if isinstance(message, str) else text.strip()[:300] or "nothing"
    code, param = fields.get("code"), fields.get("param")
    named = whole_characters(param[:200]) if isinstance(param, str) else None
    return whole_characters(shown), code if isinstance(code, str) and _CODE.fullmatch(code) else None, named


async def events(body: AsyncIterator[bytes]) -> AsyncGenerator[dict[str, Any], None]:
    """The JSON of each `data:` line as it arrives; ends at `[DONE]` or with the body.

    Raises UpstreamError for what is not an event stream and for an `error` event.
    """
    buffer = b""
    async for piece in body:
        # Only line feeds end a line here: text may hold other separators, which JSON leaves as they are.
        *lines, buffer = (buffer + piece).split(b"\n")
        if len(buffer) > LONGEST_EVENT:
            raise UpstreamError("The upstream sent an event that is too long.")
        for line in lines:
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == b"[DONE]":
                return
            yield _parse(data)


def _parse(data: bytes) -> dict[str, Any]:
    try:
        value = parse(data)
    except ValueError as error:
        raise UpstreamError("The upstream sent an event that is not JSON.") from error
    if not isinstance(value, dict):
        raise UpstreamError("The upstream sent an event that is not an object.")
    if value.get("error"):
        message, code, _ = _fields(value, data.decode(errors="replace"))
        raise UpstreamError(f"The upstream failed while answering: {message}", fix="Try again.", code=code)
    return value
