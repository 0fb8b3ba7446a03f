"""discord.py's client, made to survive what it is sent: bad events are dropped, endless reconnecting is noticed."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import discord
from askmesh_kit.logs import get_logger
from discord.gateway import DiscordWebSocket, KeepAliveHandler

from askmesh_bot.frontends.discord.accepted import Acceptance
from askmesh_bot.frontends.discord.asking import InteractionAsker
from askmesh_bot.frontends.discord.buttons import AnswerButton, PrivacyButton, reason_given
from askmesh_bot.frontends.discord.catch_up import CatchUp
from askmesh_bot.frontends.discord.commands import Tree, build_tree, register
from askmesh_bot.frontends.discord.config.desk import ConfigDesk
from askmesh_bot.frontends.discord.desk import ButtonDesk
from askmesh_bot.frontends.discord.destinations import NO_MENTIONS
from askmesh_bot.frontends.discord.ending import end
from askmesh_bot.frontends.discord.endpoints import resume_gateway
from askmesh_bot.frontends.discord.forum import ForumWatch
from askmesh_bot.frontends.discord.live.hearing import Hearing
from askmesh_bot.frontends.discord.mentions import MentionHandler
from askmesh_bot.frontends.discord.pause import guard_calls
from askmesh_bot.frontends.discord.payloads import completed
from askmesh_bot.frontends.discord.responses import lenient
from askmesh_bot.frontends.discord.settings import DiscordSettings
from askmesh_bot.frontends.discord.status import State, Status
from askmesh_bot.frontends.discord.tracker import Tracker

log = get_logger("askmesh.discord.client")

# Disconnects in a row without a working session in between, after which the supervisor takes over.
_RECONNECTS_IN_VAIN = 5
_REGISTER_TRIES = 6
Parser = Callable[[Any], None]


@dataclass(frozen=True)
class Parts:
    """What clients of one bot share, one after the other."""

    handler: MentionHandler
    asker: InteractionAsker
    desk: ButtonDesk
    config: ConfigDesk
    forum: ForumWatch
    acceptance: Acceptance
    catch_up: CatchUp
    hearing: Hearing


class AskmeshClient(discord.Client):
    """One connection's life. `gave_up` is set, with a reason, when only a fresh client can help."""

    def __init__(self, parts: Parts, settings: DiscordSettings, status: Status, tracker: Tracker) -> None:
        intents = discord.Intents(
            guilds=True,
            guild_messages=True,
            dm_messages=True,
            moderation=True,
            guild_reactions=True,
            dm_reactions=True,
            message_content=settings.message_content,
        )
        # No warnings about what voice would need.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        super().__init__(
            intents=intents,
            allowed_mentions=NO_MENTIONS,
            guild_ready_timeout=settings.guild_ready_s,
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            http_trace=lenient(),
        )
        self._handler, self._settings, self._status, self._tracker = parts.handler, settings, status, tracker
        self.desk, self._catch_up = parts.desk, parts.catch_up
        self._forum, self._acceptance = parts.forum, parts.acceptance
        self._hearing = parts.hearing
        self.tree: Tree = build_tree(self, tracker, parts.asker, parts.desk, parts.config)
        self.add_dynamic_items(AnswerButton, PrivacyButton)
        self.gave_up: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        # Whether it was ready once.
        self.worked = False
        self._in_vain = 0
        self._registering: asyncio.Task[None] | None = None
        self._guard_parsers()
        self._hearing.attach(self)

    async def start(self, token: str, *, reconnect: bool = True) -> None:
        guard_calls(self, self._settings.rest_deadline_s)
        await super().start(token, reconnect=reconnect)

    async def setup_hook(self) -> None:
        """Registers the commands in the background: the bot answers mentions while Discord refuses them."""
        self._registering = asyncio.create_task(self._register())

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        # discord.py always waits five seconds here, though it is the time since the last session that counts,
        # be it another client's.
        await asyncio.sleep(self._status.identified_at + self._settings.identify_gap_s - time.monotonic())
        self._status.identified_at = time.monotonic()

    async def on_ready(self) -> None:
        self._works("ready", guilds=len(self.guilds))
        await self._look_back()

    async def on_resumed(self) -> None:
        self._works("resumed")

    async def on_disconnect(self) -> None:
        self._in_vain += 1
        if self._status.state is State.READY:
            self._status.enter(State.RECONNECTING)
        if self._in_vain >= _RECONNECTS_IN_VAIN * max(1, len(self.sockets())):
            self.give_up(f"{self._in_vain} connections in a row ended before they worked")

    async def on_message(self, message: discord.Message) -> None:
        self._catch_up.saw(message)
        heard: list[Awaitable[object]] = [self._hearing.wrote(message)]
        if self.user is not None:
            heard += [self._handler.handle(message, self.user), self._forum.saw(message)]
        await _each(*heard)

    async def on_thread_create(self, thread: discord.Thread) -> None:
        self._forum.opened(thread)

    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        await _each(
            self._hearing.reacted(self, payload, payload.emoji.name, came=True),
            self._acceptance.reacted(self, payload),
        )

    async def on_raw_reaction_remove(self, payload: discord.RawReactionActionEvent) -> None:
        await _each(self._hearing.reacted(self, payload, payload.emoji.name), self._acceptance.took_back(payload))

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        # A form that was opened before a restart is known by its id only; discord.py would not pass it on.
        if given := reason_given(interaction):
            await self.desk.kindly(interaction, self.desk.reason_given(interaction, *given))

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        log.exception("handler_broke", handler=event_method)

    async def _run_event(
        self, coro: Callable[..., Coroutine[Any, Any, Any]], event_name: str, *args: Any, **kwargs: Any
    ) -> None:
        with self._tracker.handling():
            await super()._run_event(coro, event_name, *args, **kwargs)

    def give_up(self, reason: str) -> None:
        """Ask the supervisor for a fresh client."""
        if not self.gave_up.done():
            self.gave_up.set_result(reason)

    async def close(self) -> None:
        """Ends the gateway connection only: answers in flight still need the HTTP session. See `dispose`."""
        if self._registering is not None:
            await end(self._registering)
        # discord.py's own, which waits for servers to arrive after READY, would wake up in a client that is gone.
        if ready := getattr(self._connection, "_ready_task", None):
            ready.cancel()
        await self._hang_up()

    def sockets(self) -> Sequence[DiscordWebSocket]:
        """The gateway connections that there are."""
        return [self.ws] if self.ws is not None else []

    async def _hang_up(self) -> None:
        for socket in self.sockets():
            if socket.open:
                await socket.close(code=1000)
        # And what was just being connected: discord.py knows of it only when it is ready, but it may have identified.
        for heart in threading.enumerate():
            if isinstance(heart, KeepAliveHandler) and heart.ws._connection is self._connection:
                await heart.ws.close(code=1000)

    def _socket_of(self, ready: Any) -> DiscordWebSocket:
        """The connection that a READY event came by."""
        return self.ws

    async def dispose(self) -> None:
        """Close everything."""
        await self.close()
        await super().close()

    async def _look_back(self) -> None:
        """Take up what was written while no session was there to hear it."""
        self._forum.pick_up(self)
        await self._catch_up.answer_missed(self)

    def _works(self, event: str, **fields: Any) -> None:
        self._in_vain, self.worked = 0, True
        self._status.last_error = ""
        self._status.enter(State.READY)
        log.info(event, **fields)

    def _guard_parsers(self) -> None:
        """A malformed or new kind of event costs that event, not the connection. READY and RESUMED must work."""
        parsers = self._connection.parsers
        for event, parse in parsers.items():
            if event == "READY":
                parsers[event] = self._ready_parser(parse)
            elif event != "RESUMED":
                parsers[event] = self._guarded(event, parse)

    def _guarded(self, event: str, parse: Parser) -> Parser:
        def guarded(data: Any) -> None:
            try:
                parse(completed(event, data))
            except Exception as error:  # noqa: BLE001 - whatever a parser raises, the next event may be fine
                self._status.dropped_events += 1
                log.warning("event_dropped", event_type=event, error=f"{type(error).__name__}: {error}")

        return guarded

    def _ready_parser(self, parse: Parser) -> Parser:
        def ready(data: Any) -> None:
            self._catch_up.session_began()
            self._hearing.session_began()
            parse(data)
            self._socket_of(data).gateway = resume_gateway(data["resume_gateway_url"])

        return ready

    async def _register(self) -> None:
        for attempt in range(_REGISTER_TRIES):
            try:
                changed = await register(self.tree)
            except (discord.DiscordException, OSError, TimeoutError) as error:
                log.warning("commands_not_registered", error=str(error), attempt=attempt + 1)
                await asyncio.sleep(5 * 2**attempt)
            else:
                log.info("commands_registered", changed=changed)
                return


async def _each(*listening: Awaitable[object]) -> None:
    """Let each hear of an event by itself: one that breaks, or waits for the database, keeps none from it."""
    for heard in await asyncio.gather(*listening, return_exceptions=True):
        if isinstance(heard, Exception):
            log.error("handler_broke", exc_info=heard)
