"""Puts gateway and REST on one loopback port, and records what was asked of them."""

import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from .errors import ApiError, no_such_path, unauthorized
from .faults import Faults, cut, instead
from .gateway import Gateway
from .interactions import Interaction, Interactions
from .limits import RateLimiter, too_many
from .people import Person
from .rest import ROUTES, TOKEN_IN_PATH, Handler
from .world import Json, World


@dataclass(frozen=True)
class Request:
    """One REST request and how it was answered."""

    method: str
    path: str
    body: Any
    status: int
    at: float


@dataclass
class Emulator:
    """`async with Emulator() as discord:` serves until the block ends."""

    world: World = field(default_factory=World)
    limiter: RateLimiter = field(default_factory=RateLimiter)
    faults: Faults = field(default_factory=Faults)
    requests: list[Request] = field(default_factory=list)
    edits: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    port: int = 0
    # Whether interaction callbacks are told what became of them, where they ask for it.
    tells_callbacks: bool = True
    # What responses look like: changed by a test that has them otherwise.
    disguise: Callable[[web.StreamResponse], None] = lambda response: None

    def __post_init__(self) -> None:
        self.gateway = Gateway(self.world)
        self.interactions = Interactions(self.world)
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None

    async def __aenter__(self) -> "Emulator":
        app = web.Application(client_max_size=32 << 20)
        app.router.add_get("/gw", self.gateway.connect)
        app.router.add_get("/gw/", self.gateway.connect)
        for (method, route), handler in ROUTES.items():
            app.router.add_route(method, "/api/v10" + route, self._serve(route, handler))
        app.router.add_route("*", "/{rest:.*}", self._unknown)
        # Bound until the end, so that nobody else gets the port while nothing listens at it.
        self._bound = socket.socket()
        self._bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._bound.bind(("127.0.0.1", self.port))
        self.port = self._bound.getsockname()[1]
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await self.listen()
        self.gateway.url = self.gateway_url
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self.gateway.drop()
        await self._runner.cleanup()
        self._bound.close()

    async def listen(self) -> None:
        """Accept connections."""
        assert self._runner is not None
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await self._site.start()

    async def stop_listening(self) -> None:
        """Refuse new connections; those that there are go on."""
        assert self._site is not None
        await self._site.stop()

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v10"

    @property
    def gateway_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/gw"

    def person(self, name: str) -> Person:
        """Someone who can talk here."""
        return Person(self, self.world.add_user(name))

    def _serve(self, route: str, handler: Handler) -> Any:
        major = next((name for name in ("channel", "token", "guild") if f"{{{name}}}" in route), "")

        async def serve(request: web.Request) -> web.StreamResponse:
            body = await _read(request)
            response, fault = None, self.faults.next(request.method, request.path)
            if fault is not None:
                response = await instead(fault, request)
            if response is None:
                response = await self._answer(route, handler, request, body, request.match_info.get(major, ""))
            self.disguise(response)
            self.requests.append(Request(request.method, request.path, body, response.status, time.monotonic()))
            if fault is not None and fault.kind == "reset_after":
                cut(request)
            return response

        return serve

    async def _answer(
        self, route: str, handler: Handler, request: web.Request, body: Any, major: str
    ) -> web.StreamResponse:
        passed, headers = self.limiter.take(request.method, route, major)
        if not passed:
            return too_many(float(headers["X-RateLimit-Reset-After"]), headers)
        try:
            if (
                not route.startswith(TOKEN_IN_PATH)
                and request.headers.get("Authorization") != f"Bot {self.world.token}"
            ):
                raise unauthorized()
            status, told = await handler(self, request, body)
        except ApiError as error:
            status, told = error.status, error.body
        if told is None:
            return web.Response(status=status, headers=headers)
        # Exactly `application/json`: with a charset some clients do not recognise it.
        data = json.dumps(told).encode()
        return web.Response(body=data, status=status, headers=headers | {"Content-Type": "application/json"})

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        error = no_such_path()
        self.requests.append(Request(request.method, request.path, None, 404, time.monotonic()))
        return web.json_response(error.body, status=error.status)

    def by_nonce(self, channel: Json, nonce: Any) -> Json | None:
        """The bot's message that was already made under this nonce."""
        mine = [m for m in self.world.in_channel(channel) if m["author"]["id"] == self.world.bot["id"]]
        return next((m for m in mine if nonce is not None and m.get("nonce") == nonce), None)

    def note_edit(self, message: Json) -> None:
        self.edits.setdefault(message["id"], []).append((time.monotonic(), message["content"]))

    async def tell_edit(self, interaction: Interaction, message: Json) -> None:
        if not message["flags"] & 64:
            await self.gateway.dispatch_message("MESSAGE_UPDATE", message)

    async def delete(self, message: Json) -> None:
        self.world.messages.pop(message["id"], None)
        where = self.world.channels[message["channel_id"]]
        gone = {"id": message["id"], "channel_id": where["id"], "guild_id": where.get("guild_id")}
        await self.gateway.dispatch("MESSAGE_DELETE", {key: value for key, value in gone.items() if value})


async def _read(request: web.Request) -> Any:
    raw = await request.read()
    if not raw:
        return {}
    try:
        return json.loads(raw)
    except ValueError:
        return {}
