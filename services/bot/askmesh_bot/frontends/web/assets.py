"""The page's files, read once, with the headers that keep a browser strict and its cache honest."""

import hashlib
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from string import Template

from fastapi import Request, Response

HTML = "text/html; charset=utf-8"
_MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}

# No inline script or style, nothing from another origin, and no string that becomes markup: with Trusted Types and no
# policy allowed, the browser itself refuses innerHTML and its kin.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-src 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)

SECURITY_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class Asset:
    """A file of the page."""

    body: bytes
    media_type: str

    @cached_property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:32]}"'


@cache
def asset(name: str) -> Asset | None:
    """The static file of that name, or None. Only names that the folder lists are ever opened."""
    suffix = name.rpartition(".")[2]
    found = next((entry for entry in (files(__package__) / "static").iterdir() if entry.name == name), None)
    if found is None or suffix not in _MEDIA_TYPES:
        return None
    return Asset(found.read_bytes(), _MEDIA_TYPES[suffix])


@cache
def template(name: str) -> Template:
    """A page with `$placeholders`, which take escaped HTML only."""
    return Template((files(__package__) / "templates" / name).read_text("utf-8"))


def asset_response(request: Request, found: Asset) -> Response:
    """The file, or a 304 where the browser has it. Browsers ask each time, so a new version shows at once."""
    headers = SECURITY_HEADERS | {"ETag": found.etag, "Cache-Control": "no-cache"}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if found.etag in known:
        return Response(status_code=304, headers=headers)
    return Response(found.body, media_type=found.media_type, headers=headers)


def page_response(body: str, status: int = 200) -> Response:
    """A page made for one reader: no cache keeps it."""
    headers = SECURITY_HEADERS | {"Cache-Control": "no-store"}
    return Response(body, status, headers=headers, media_type=HTML)
