"""A Pinecone with faults: this service behind an ASGI layer that refuses, lags, or breaks the connection when told."""

import json
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from askmesh_vectordb.app import create_app
from askmesh_vectordb.settings import Settings

from .conftest import serving_app

Message = dict[str, Any]
_WRITES = ("/vectors/upsert", "/vectors/delete", "/vectors/update")


@dataclass
class Fault:
    """What happens to the next request whose path ends with `path`: answered with `status`, or cut off before or
    after the service behind did what was asked."""

    path: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    cut: str = ""


class FaultyPinecone:
    """The ASGI app, and the handles of a test."""

    def __init__(self, settings: Settings) -> None:
        self._app = create_app(settings)
        self.faults: deque[Fault] = deque()
        self.requests: list[str] = []
        self.lagging = False
        self._held: list[tuple[Message, bytes]] = []

    async def __call__(self, scope: Message, receive: Callable[..., Awaitable[Message]], send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        self.requests.append(path)
        if not self.lagging:
            await self.release()
        if self.faults and path.endswith(self.faults[0].path):
            await self._fail(self.faults.popleft(), scope, receive, send)
        elif self.lagging and path.endswith(_WRITES):
            body = await _body(receive)
            self._held.append((scope, body))
            count = {"upsertedCount": len(json.loads(body).get("vectors", [])), "matchedRecords": 1}
            await _answer(send, 200, {}, json.dumps(count).encode())
        else:
            await self._app(scope, receive, send)

    async def release(self) -> None:
        """Do what was acknowledged and held back."""
        held, self._held = self._held, []
        for scope, body in held:
            statuses = await self._replay(scope, body)
            assert statuses == [200]

    async def _replay(self, scope: Message, body: bytes) -> list[int]:
        statuses = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        await self._app(scope, receive, send)
        return statuses

    async def _fail(self, fault: Fault, scope: Message, receive: Any, send: Any) -> None:
        if not fault.cut:
            await _answer(send, fault.status, fault.headers, b'{"code": 14, "message": "injected"}')
            return
        if fault.cut == "after":
            await self._replay(scope, await _body(receive))
        # uvicorn's own transport: a reset, not a tidy end.
        receive.__self__.transport.abort()


async def _body(receive: Callable[..., Awaitable[Message]]) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def _answer(send: Any, status: int, headers: dict[str, str], body: bytes) -> None:
    given = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    raw = [(name.lower().encode(), value.encode()) for name, value in given.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def faulty_pinecone(settings: Settings) -> Iterator[tuple[str, FaultyPinecone]]:
    app = FaultyPinecone(settings)
    with serving_app(app) as url:
        yield url, app
