"""The gateway: HELLO, IDENTIFY, READY, heartbeats, RESUME with replay, and Discord's close codes."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from .messages import as_seen_by_bot
from .session import Session, Socket
from .world import ChannelType, Json, World

PRIVILEGED = (1 << 1) | (1 << 8) | (1 << 15)
KNOWN_INTENTS = (1 << 26) - 1


class Closed(Exception):
    """The gateway ends this connection with a code of its own."""

    def __init__(self, code: int) -> None:
        self.code = code


@dataclass
class GatewayFaults:
    """What the gateway does wrong until told otherwise."""

    refuse: int = 0  # connections answered with 503
    close_after_hello: int | None = None  # close code
    withhold_ready: bool = False
    mute_acks: bool = False
    close_on_identify: int | None = None


@dataclass
class Gateway:
    """Serves `/gw`. `received` counts opcodes; `sessions` are kept for RESUME."""

    world: World
    url: str = ""
    heartbeat_s: float = 41.25
    # Whether frames are compressed for clients that ask for it.
    compresses: bool = True
    # What events look like: the identity unless a test has them otherwise.
    rendered: Callable[[str, Any], Any] = lambda event, data: data
    # READY names no server, and each becomes known this much later, in seconds.
    guilds_late_s: float | None = None
    sessions: dict[str, Session] = field(default_factory=dict)
    received: Counter[str] = field(default_factory=Counter)
    faults: GatewayFaults = field(default_factory=GatewayFaults)

    async def connect(self, request: web.Request) -> web.StreamResponse:
        self.received["connect"] += 1
        if self.faults.refuse > 0:
            self.faults.refuse -= 1
            return web.Response(status=503, text="injected")
        ws = web.WebSocketResponse(max_msg_size=4096)
        await ws.prepare(request)
        socket = Socket(ws, compressed=self.compresses and request.query.get("compress") == "zlib-stream")
        connection = Connection(self, socket, request)
        try:
            await connection.run()
        except Closed as closed:
            await socket.close(closed.code)
        finally:
            if connection.session is not None and connection.session.socket is socket:
                connection.session.socket = None
        return ws

    @property
    def live(self) -> list[Session]:
        return [session for session in self.sessions.values() if session.socket is not None]

    async def dispatch(self, event: str, data: Any) -> None:
        """To every session, the disconnected ones included: they may resume."""
        for session in self._listening(data):
            await session.dispatch(event, self.rendered(event, data))

    async def dispatch_message(self, event: str, message: Json) -> None:
        channel = self.world.channels[message["channel_id"]]
        for session in self._listening(channel):
            seen = as_seen_by_bot(self.world, message, channel, session.intents)
            await session.dispatch(event, self.rendered(event, seen))

    def _listening(self, data: Any) -> list[Session]:
        """The sessions whose shard an event's server is in; what is of no server goes to the first."""
        guild_id = int(
            (data.get("guild_id") or 0) if isinstance(data, dict) and str(data.get("guild_id", 0)).isdigit() else 0
        )
        return [
            session for session in self.sessions.values() if (guild_id >> 22) % session.shard[1] == session.shard[0]
        ]

    async def drop(self, code: int | None = None) -> None:
        """End every connection: with a close code, or cut like a broken cable. The sessions can be resumed."""
        for session in self.live:
            socket, session.socket = session.socket, None
            assert socket is not None
            if code is None:
                assert session.request is not None
                socket.abort(session.request)
            else:
                await socket.close(code)

    async def ask_to_reconnect(self) -> None:
        for session in self.live:
            assert session.socket is not None
            await session.socket.send({"op": 7, "d": None})

    async def invalidate(self, *, resumable: bool) -> None:
        for session in self.live:
            assert session.socket is not None
            await session.socket.send({"op": 9, "d": resumable})
            if not resumable:
                self.sessions.pop(session.id)

    async def send_raw(self, text: str) -> None:
        for session in self.live:
            assert session.socket is not None
            await session.socket.send_text(text)


@dataclass
class Connection:
    """One client's socket, from HELLO to its end."""

    gateway: Gateway
    socket: Socket
    request: web.Request
    session: Session | None = None
    last_beat: float = field(default_factory=time.monotonic)

    async def run(self) -> None:
        await self.socket.send({"op": 10, "d": {"heartbeat_interval": int(self.gateway.heartbeat_s * 1000)}})
        if (code := self.gateway.faults.close_after_hello) is not None:
            raise Closed(code)
        watch = asyncio.create_task(self._watch_heartbeats())
        try:
            async for frame in self.socket.ws:
                if frame.type == WSMsgType.TEXT:
                    await self._handle(frame.data)
        finally:
            watch.cancel()

    async def _watch_heartbeats(self) -> None:
        while True:
            await asyncio.sleep(self.gateway.heartbeat_s)
            if time.monotonic() - self.last_beat > 1.5 * self.gateway.heartbeat_s:
                await self.socket.close(4009)
                return

    async def _handle(self, text: str) -> None:
        try:
            payload = json.loads(text)
        except ValueError:
            raise Closed(4002) from None
        op, data = payload.get("op"), payload.get("d")
        self.gateway.received[{1: "heartbeat", 2: "identify", 3: "presence", 6: "resume"}.get(op, f"op{op}")] += 1
        if op == 1:
            self.last_beat = time.monotonic()
            if not self.gateway.faults.mute_acks:
                await self.socket.send({"op": 11, "d": None})
        elif op == 2:
            await self._identify(data)
        elif op == 6:
            await self._resume(data)
        elif self.session is None:
            raise Closed(4003)
        elif op == 3:
            self.session.presence = data
        elif op not in (4, 8):
            raise Closed(4001)

    async def _identify(self, data: Json) -> None:
        gateway, world = self.gateway, self.gateway.world
        if self.session is not None:
            raise Closed(4005)
        if gateway.faults.close_on_identify is not None:
            raise Closed(gateway.faults.close_on_identify)
        if data.get("token") != world.token:
            raise Closed(4004)
        shard = data.get("shard") or [0, 1]
        if not 0 <= shard[0] < shard[1]:
            raise Closed(4010)
        if shard[1] < world.shards:
            raise Closed(4011)
        intents = data["intents"]
        if not 0 <= intents <= KNOWN_INTENTS:
            raise Closed(4013)
        if intents & PRIVILEGED & ~world.privileged_intents:
            raise Closed(4014)
        if gateway.faults.withhold_ready:
            return
        self._attach(Session(intents, shard))
        await self._greet()

    def _attach(self, session: Session) -> None:
        self.session, session.socket, session.request = session, self.socket, self.request
        self.gateway.sessions[session.id] = session

    async def _greet(self) -> None:
        world, session = self.gateway.world, self.session
        assert session is not None
        late = self.gateway.guilds_late_s
        ready = {
            "v": 10,
            "user": world.bot,
            "guilds": [{"id": guild["id"], "unavailable": True} for guild in self._guilds()] if late is None else [],
            "shard": session.shard,
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": self.gateway.url,
            "application": {"id": world.application_id, "flags": 0},
        }
        await session.dispatch("READY", self.gateway.rendered("READY", ready))
        if late is not None:
            await asyncio.sleep(late)
        for guild in self._guilds():
            await session.dispatch("GUILD_CREATE", self.gateway.rendered("GUILD_CREATE", guild_create(world, guild)))

    def _guilds(self) -> list[Json]:
        assert self.session is not None
        number, count = self.session.shard
        return [guild for key, guild in self.gateway.world.guilds.items() if (int(key) >> 22) % count == number]

    async def _resume(self, data: Json) -> None:
        if data.get("token") != self.gateway.world.token:
            raise Closed(4004)
        session = self.gateway.sessions.get(data.get("session_id") or "")
        if session is None:
            await self.socket.send({"op": 9, "d": False})
            return
        if (data["seq"] or 0) > session.sequence:
            raise Closed(4007)
        self._attach(session)
        await session.replay(data["seq"] or 0)


def guild_create(world: World, guild: Json) -> Json:
    """The whole guild, as it becomes available after READY."""
    channels = [channel for channel in world.channels.values() if channel.get("guild_id") == guild["id"]]
    threads = [channel for channel in channels if channel["type"] == ChannelType.PUBLIC_THREAD]
    open_threads = [thread for thread in threads if not thread["thread_metadata"]["archived"]]
    return guild | {
        "unavailable": False,
        "joined_at": "2024-01-01T00:00:00+00:00",
        "large": False,
        "member_count": 2,
        "members": [world.member(world.bot, guild)],
        "channels": [channel for channel in channels if channel not in threads],
        "threads": open_threads,
        "presences": [],
        "voice_states": [],
        "emojis": [],
        "stickers": [],
        "features": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "premium_tier": 0,
        "preferred_locale": guild.get("preferred_locale", "en-US"),
        "nsfw_level": 0,
        "system_channel_flags": 0,
        "system_channel_id": None,
        "afk_timeout": 300,
    }
