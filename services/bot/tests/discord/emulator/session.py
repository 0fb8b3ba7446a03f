"""A gateway session: its sequence numbers, what it may have missed, and the socket it is heard on."""

import asyncio
import json
import secrets
import zlib
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from .world import Json


class Socket:
    """One websocket, with zlib-stream where the client asked for it."""

    def __init__(self, ws: web.WebSocketResponse, *, compressed: bool) -> None:
        self.ws = ws
        self._zlib = zlib.compressobj() if compressed else None
        self._sending = asyncio.Lock()

    async def send(self, payload: Json) -> None:
        await self.send_text(json.dumps(payload))

    async def send_text(self, text: str) -> None:
        async with self._sending:
            if self.ws.closed:
                return
            try:
                if self._zlib is None:
                    await self.ws.send_str(text)
                else:
                    data = self._zlib.compress(text.encode()) + self._zlib.flush(zlib.Z_SYNC_FLUSH)
                    await self.ws.send_bytes(data)
            except ConnectionError:
                return  # the client is gone; what it missed is replayed on RESUME

    async def close(self, code: int) -> None:
        await self.ws.close(code=code)

    def abort(self, request: web.Request) -> None:
        """Cut the TCP connection without a close frame."""
        if request.transport is not None:
            request.transport.abort()


@dataclass
class Session:
    """What survives a dropped socket: everything dispatched, so that RESUME can replay it."""

    intents: int
    # Its number, and how many there are.
    shard: list[int] = field(default_factory=lambda: [0, 1])
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    sequence: int = 0
    presence: Json | None = None
    sent: list[Json] = field(default_factory=list)
    socket: Socket | None = None
    request: web.Request | None = None

    async def dispatch(self, event: str, data: Any) -> None:
        self.sequence += 1
        # Rendered now: the world may have moved on by the time it is replayed.
        frame = {"op": 0, "t": event, "s": self.sequence, "d": json.loads(json.dumps(data))}
        self.sent.append(frame)
        if self.socket is not None:
            await self.socket.send(frame)

    async def replay(self, after: int) -> None:
        assert self.socket is not None
        for frame in [frame for frame in self.sent if frame["s"] > after]:
            await self.socket.send(frame)
        await self.dispatch("RESUMED", {})
