"""Errors that carry a status and a stable code, and the one place that renders them."""

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match


class ServiceError(Exception):
    """A failure a caller can act on. `detail` says what happened, `fix` how to mend it."""

    status = 500
    code = "internal_error"
    headers: Mapping[str, str] = {}

    def __init__(
        self,
        detail: str,
        *,
        fix: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fix = fix
        self.code = code or type(self).code
        self.retry_after = retry_after
        self.extra = extra

    @property
    def message(self) -> str:
        """Detail and remedy in one line, for wire formats that have a single text field."""
        return f"{self.detail} {self.fix}" if self.fix else self.detail


class InvalidRequest(ServiceError):
    status, code = 400, "invalid_request"


class Unauthenticated(ServiceError):
    status, code = 401, "unauthenticated"


class Forbidden(ServiceError):
    status, code = 403, "forbidden"


class NotFound(ServiceError):
    status, code = 404, "not_found"


class Conflict(ServiceError):
    status, code = 409, "conflict"


class TooLarge(ServiceError):
    status, code = 413, "too_large"


class UnsupportedMediaType(ServiceError):
    status, code = 415, "unsupported_media_type"


class Overloaded(ServiceError):
    status, code = 429, "overloaded"


class Unsupported(ServiceError):
    status, code = 501, "unsupported"


class UpstreamError(ServiceError):
    """A peer answered, but not with what its protocol promises."""

    status, code = 502, "upstream_error"


class Unavailable(ServiceError):
    status, code = 503, "unavailable"


class DeadlineExceeded(ServiceError):
    status, code = 504, "deadline_exceeded"


_BY_STATUS: dict[int, tuple[str, str]] = {
    401: ("unauthenticated", "Authentication is needed."),
    404: ("not_found", "There is nothing at this path."),
    405: ("method_not_allowed", "This path does not take that method."),
    413: ("too_large", "The request body is too large."),
    415: ("unsupported_media_type", "The body must be application/json."),
}

ErrorRenderer = Callable[[ServiceError], dict[str, Any]]


def problem(error: ServiceError) -> dict[str, Any]:
    """RFC 9457 problem+json."""
    body: dict[str, Any] = {
        "type": f"urn:askmesh:error:{error.code}",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
    }
    if error.fix:
        body["fix"] = error.fix
    return body | error.extra


_OPENAI_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


def openai_error(error: ServiceError) -> dict[str, Any]:
    """OpenAI's error object, from which its SDKs raise their own typed errors."""
    kind = _OPENAI_TYPES.get(error.status, "invalid_request_error" if error.status < 500 else "server_error")
    return {"error": {"message": error.message, "type": kind, "param": error.extra.get("param"), "code": error.code}}


# In an error's path these are no fields, but members of a union that were tried: `str`, `list[ContentPart]`, `Document`.
_UNION_MEMBER = re.compile(r"str|int|float|bool|dict|.*\[.*|[A-Z]\w*")
_NO_OBJECT = {"model_type", "model_attributes_type", "dict_type"}
_MOST_ERRORS = 100


def from_validation(error: RequestValidationError) -> InvalidRequest:
    """The first few field errors as one readable sentence; the first twenty under `errors`."""
    messages: dict[str, list[str]] = {}
    for item in list(error.errors())[:_MOST_ERRORS]:
        parts = [str(part) for part in item["loc"] if part != "body"]
        field = ".".join(part for part in parts if not _UNION_MEMBER.fullmatch(part)) or "body"
        said = "Input should be an object" if item["type"] in _NO_OBJECT else str(item["msg"])
        messages.setdefault(field, []).append(said)
    fields = [{"field": field, "message": _alternatives(said)} for field, said in messages.items()]
    detail = "; ".join(f"{field['field']}: {field['message']}" for field in fields[:3])
    return InvalidRequest(detail or "The request is not valid.", param=fields[0]["field"], errors=fields[:20])


def _alternatives(messages: list[str]) -> str:
    """What each member of a union says, as one."""
    first, *others = dict.fromkeys(messages)
    return ", or ".join([first, *(other[:1].lower() + other[1:] for other in others)])


def from_http_exception(error: HTTPException) -> ServiceError:
    """Starlette's own errors (unknown path, wrong method, body over the cap) as ours."""
    code, detail = _BY_STATUS.get(error.status_code, ("http_error", str(error.detail)))
    converted = ServiceError(detail, code=code)
    converted.status = error.status_code
    return converted


class ErrorResponder:
    """Renders any error, in the dialect of the path it happened on (longest prefix wins)."""

    def __init__(self, dialects: Mapping[str, ErrorRenderer]) -> None:
        self._dialects = sorted(dialects.items(), key=lambda item: -len(item[0]))

    def __call__(self, path: str, error: ServiceError) -> JSONResponse:
        render = next((render for prefix, render in self._dialects if path.startswith(prefix)), problem)
        headers = dict(error.headers)
        if error.retry_after is not None:
            headers["Retry-After"] = str(max(1, round(error.retry_after)))
        if error.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        media_type = "application/problem+json" if render is problem else "application/json"
        return JSONResponse(render(error), error.status, headers=headers, media_type=media_type)


def install(app: FastAPI, respond: ErrorResponder) -> None:
    """Route every expected exception to `respond`; unexpected ones are caught by the request middleware."""

    def handle(convert: Callable[[Any], ServiceError]) -> Callable[[Request, Exception], JSONResponse]:
        return lambda request, error: respond(request.url.path, convert(error))

    def handle_http(request: Request, exception: Exception) -> JSONResponse:
        assert isinstance(exception, HTTPException)
        error = from_http_exception(exception)
        if error.status == 405:
            # RFC 9110: it names the methods that are allowed, and Starlette those of one route only.
            error.headers = {"Allow": ", ".join(_allowed(request))}
        return respond(request.url.path, error)

    app.add_exception_handler(ServiceError, handle(lambda error: error))
    app.add_exception_handler(RequestValidationError, handle(from_validation))
    app.add_exception_handler(HTTPException, handle_http)


def _allowed(request: Request) -> list[str]:
    """The methods that the routes of a path take."""

    def taken(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    return [method for method in ("DELETE", "GET", "PATCH", "POST", "PUT") if taken(method)]
