"""API keys with scopes. A key may be sent as `Authorization: Bearer …` or, as Pinecone's SDK does, `Api-Key: …`."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import get_args

from fastapi import Request

from askmesh_kit.errors import Forbidden, Unauthenticated
from askmesh_kit.settings import ALL_SCOPES, Scope, ServiceSettings

# Who may do more may do less.
_IMPLIED: dict[Scope, frozenset[Scope]] = {
    "read": frozenset({"read"}),
    "write": frozenset({"read", "write"}),
    "admin": ALL_SCOPES,
}


@dataclass(frozen=True)
class Caller:
    """Who is asking: a key's short fingerprint, safe to log, or `anonymous`."""

    name: str
    scopes: frozenset[Scope]


class Keyring:
    """The keys a service accepts. Only their hashes are kept."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._anonymous = Caller("anonymous", _closure(settings.effective_anonymous_scopes))
        self._callers: dict[bytes, Caller] = {}
        for entry in filter(None, (part.strip() for part in settings.api_keys.get_secret_value().split(","))):
            key, _, scopes = entry.partition("=")
            digest = hashlib.sha256(key.encode()).digest()
            self._callers[digest] = Caller(digest.hex()[:8], _closure(_parse_scopes(scopes)))

    def identify(self, request: Request) -> Caller:
        """The caller behind a request. Raises Unauthenticated for a key that is not known."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        key = token.strip() if scheme.lower() == "bearer" else request.headers.get("api-key", "")
        if not key or not self._callers:
            return self._anonymous
        digest = hashlib.sha256(key.encode()).digest()
        # Every key is compared, in constant time: the answer's timing tells nothing about which ones exist.
        found = [caller for known, caller in self._callers.items() if hmac.compare_digest(known, digest)]
        if not found:
            raise Unauthenticated("That API key is not known here.", fix="Check the key, or ask the operator for one.")
        return found[0]


def require(scope: Scope) -> Callable[[Request], Awaitable[Caller]]:
    """A FastAPI dependency: the caller, who has `scope`. Raises Unauthenticated or Forbidden."""

    # Asynchronous, though it waits for nothing: FastAPI sends plain functions to a thread, which takes longer than this.
    async def check(request: Request) -> Caller:
        keyring: Keyring = request.app.state.keyring
        caller = keyring.identify(request)
        if scope in caller.scopes:
            return caller
        if caller.name == "anonymous":
            raise Unauthenticated("This needs an API key.", fix="Send it as `Authorization: Bearer <key>`.")
        raise Forbidden(f"This key lacks the scope {scope}.", fix="Use a key that has it.")

    return check


def _parse_scopes(text: str) -> frozenset[Scope]:
    if not text:
        return ALL_SCOPES
    names = set(text.split("+"))
    if unknown := names - set(get_args(Scope)):
        raise SystemExit(f"unknown scope {sorted(unknown)} in API_KEYS: use read, write or admin, joined by +")
    return frozenset(scope for scope in ALL_SCOPES if scope in names)


def _closure(scopes: frozenset[Scope]) -> frozenset[Scope]:
    return frozenset().union(*(_IMPLIED[scope] for scope in scopes))
