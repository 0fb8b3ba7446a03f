"""Calls to one peer: every failure of the network or of the peer becomes PeerUnavailable or PeerError."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx2
from askmesh_kit.http_client import service_client

from askmesh_bot.peers.errors import Peer, PeerError, PeerUnavailable
from askmesh_bot.settings import PeerSettings


class PeerCalls:
    """The HTTP side of a peer's client."""

    def __init__(self, peer: Peer, settings: PeerSettings) -> None:
        self.peer = peer
        # People paste an OpenAI client's base URL, which ends in /v1; the paths below begin with it.
        self.url = settings.url.rstrip("/").removesuffix("/v1")
        self._http = service_client(
            self.url,
            api_key=settings.api_key,
            timeout_s=settings.timeout_s,
            connect_timeout_s=settings.connect_timeout_s,
        )

    async def json(
        self, method: str, path: str, body: Any = None, *, params: Any = None, timeout_s: float | None = None
    ) -> Any:
        """The JSON answer to one call, `timeout_s` at most (the peer's own timeout when None).

        A connection that broke before an answer came is tried once more: every call made through here may be repeated,
        and a restarted peer leaves dead connections in the pool.
        """
        with self._translated():
            try:
                response = await self._send(method, path, body, params, timeout_s)
            except (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError):
                response = await self._send(method, path, body, params, timeout_s)
            self._raise_for_status(response)
            return self._decoded(response)

    @asynccontextmanager
    async def stream(self, path: str, body: Any) -> AsyncIterator[httpx2.Response]:
        """An answer read piece by piece; leaving the block closes the connection, which stops the peer's work."""
        with self._translated():
            async with self._http.stream("POST", path, json=body) as response:
                if response.is_error:
                    await response.aread()
                    self._raise_for_status(response)
                yield response

    async def close(self) -> None:
        await self._http.aclose()

    async def _send(self, method: str, path: str, body: Any, params: Any, timeout_s: float | None) -> httpx2.Response:
        options: dict[str, Any] = {}
        if body is not None:
            options["json"] = body
        if timeout_s is not None:
            options["timeout"] = timeout_s
        return await self._http.request(method, path, params=params, **options)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except httpx2.ConnectError as error:
            raise PeerUnavailable(self.peer, self.url, "nothing answers there") from error
        except httpx2.TimeoutException as error:
            raise PeerUnavailable(self.peer, self.url, "it did not answer in time") from error
        except httpx2.TransportError as error:
            raise PeerUnavailable(self.peer, self.url, f"the connection broke ({type(error).__name__})") from error
        except httpx2.DecodingError as error:
            raise PeerError(self.peer, self.url, "its answer can't be unpacked.") from error

    def _raise_for_status(self, response: httpx2.Response) -> None:
        if response.is_success:
            return
        why = _message(response)
        if response.status_code >= 500 or response.status_code == 429:
            after = response.headers.get("retry-after", "")
            raise PeerUnavailable(
                self.peer,
                self.url,
                f"it answered {response.status_code} ({why})",
                retry_after=float(after) if after.isdigit() else None,
            )
        raise PeerError(self.peer, self.url, f"{response.status_code}, {why}", peer_status=response.status_code)

    def _decoded(self, response: httpx2.Response) -> Any:
        try:
            return response.json()
        except (ValueError, RecursionError) as error:
            raise PeerError(self.peer, self.url, "its answer is not JSON.") from error


def _message(response: httpx2.Response) -> str:
    """What the peer says went wrong: OpenAI's, Pinecone's or problem+json's text field, else the start of the body."""
    try:
        body = response.json()
        error = body.get("error", body)
        text = error if isinstance(error, str) else error.get("message") or error["detail"]
    except (ValueError, AttributeError, KeyError, TypeError):
        text = response.text
    return " ".join(str(text).split())[:300] or "no reason given"
