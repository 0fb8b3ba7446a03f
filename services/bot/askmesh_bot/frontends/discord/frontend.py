"""The Discord frontend: started with the app, alive beside it. What happens to Discord never stops the web answers."""

import asyncio
import importlib
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from askmesh_kit.logs import get_logger
from prometheus_client import CollectorRegistry
from sqlalchemy.exc import SQLAlchemyError

from askmesh_bot.conversations.service import Conversations
from askmesh_bot.database.engine import Database
from askmesh_bot.frontends.discord.ending import end
from askmesh_bot.frontends.discord.golden import Golden
from askmesh_bot.frontends.discord.holds import Holds
from askmesh_bot.frontends.discord.leader import Lost, new_leader
from askmesh_bot.frontends.discord.metrics import DiscordMetrics
from askmesh_bot.frontends.discord.settings import DiscordSettings
from askmesh_bot.frontends.discord.status import State, Status
from askmesh_bot.frontends.discord.tracker import Tracker
from askmesh_bot.knowledge.library import Library

log = get_logger("askmesh.discord")

# Time for what follows an answer: a word to staff, a thread, a note in the database.
_SETTLING_S = 3.0
Check = Callable[[], Awaitable[str | None]]


class DiscordFrontend:
    """Answers in Discord through `conversations`. Among all processes with its token one connects, the others stand by."""

    def __init__(
        self,
        settings: DiscordSettings,
        base_url: str,
        conversations: Conversations,
        database: Database,
        registry: CollectorRegistry | None = None,
        checks: Mapping[str, Check] | None = None,
        golden: Golden | None = None,
        library: Library | None = None,
    ) -> None:
        """`checks`: the services answers come from, whose absence the bot's presence shows; None is all well.
        `library`: what threads are learned into; without it none are."""
        self._settings, self._base_url, self._conversations = settings, base_url, conversations
        self._database, self._golden, self._library = database, golden, library
        self._token = settings.token.get_secret_value().strip()
        self._tracker, self._holds = Tracker(), Holds(database)
        self._task: asyncio.Task[None] | None = None
        self.status = Status()
        self._checks = checks or {}
        self._metrics = DiscordMetrics(registry or CollectorRegistry(), self.status)

    async def start(self) -> None:
        """Connect in the background."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Take no more questions, let answers in flight end within `drain_s`, then disconnect and free the lock."""
        self._tracker.stopping.set()
        await self._tracker.drain(self._settings.drain_s)
        # While there still is a connection to do it with.
        await self._tracker.settle(_SETTLING_S)
        if self._task is not None:
            await end(self._task)
            self._task = None
        await self._tracker.settle(_SETTLING_S)
        self.status.enter(State.STOPPED)

    async def check(self) -> str | None:
        """Why Discord is not served, with the remedy where people must act; None where all is well."""
        if self.status.paused_s():
            return f"Discord: Cloudflare, or Discord, refuses this address for {self.status.paused_s():.0f} s more"
        return self.status.problem

    @property
    def busy(self) -> bool:
        """Whether answers are being written."""
        return bool(self._tracker.tasks())

    async def _run(self) -> None:
        if not re.fullmatch(r"[!-~]+", self._token):
            # Not even to be sent: a header can't hold it.
            self._fail("ASKMESH_DISCORD_TOKEN is no bot token.", "Copy it anew from the Bot page, and restart.")
            return
        try:
            # Before it is needed: whoever stands by has a second to take over, and discord.py takes long to load. Not
            # with this module: a bot without Discord need not have it.
            importlib.import_module("askmesh_bot.frontends.discord.wiring")
            leader = new_leader(self._database, self._settings.state_dir, self._token, self._settings.standby_poll_s)
            while True:
                async with leader.hold(self._wait) as lost:
                    await self._lead(lost)
                await asyncio.sleep(self._settings.backoff_s)
        except OSError as error:
            fix = "Make ASKMESH_DISCORD_STATE_DIR a folder that the bot can write to, and restart."
            self._fail(f"{self._settings.state_dir}: {error}.", fix)
        except ModuleNotFoundError as error:
            self._fail(f"{error}.", "Install it with: pip install 'askmesh-bot[discord]'.")
        except Exception as error:
            log.exception("frontend_broke")
            self._fail(f"{type(error).__name__}: {error}.", "The log has the details; restart the bot.")

    def _wait(self, reason: str) -> None:
        """Somebody else leads, or something keeps everybody from it."""
        self.status.last_error = reason
        self.status.enter(State.RECONNECTING if reason else State.STANDBY)

    async def _lead(self, lost: Lost) -> None:
        """Serve until somebody else may, or the bot's database is away."""
        serving = asyncio.create_task(self._serve())
        try:
            either: set[asyncio.Future[Any]] = {serving, lost}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if lost.done():
                self._wait(lost.result())
            else:
                serving.result()
        except SQLAlchemyError as error:
            log.error("database_away", exc_info=error)
            self._wait(f"the bot's database failed: {type(error).__name__}")
        finally:
            await end(serving)

    async def _serve(self) -> None:
        from askmesh_bot.frontends.discord.wiring import Leading, Mesh

        mesh = Mesh(
            self._settings,
            self._base_url,
            self._conversations,
            self._database,
            self._golden,
            self._library,
            self._checks,
            self._holds,
        )
        leading = Leading(mesh, self._tracker, self.status, self._metrics)
        measuring = asyncio.create_task(self._metrics.watch_loop())
        try:
            await leading.load()
            await leading.supervisor.run()
            # Failed for good. The lock stays: another process would fail the same way.
            await asyncio.Event().wait()
        finally:
            await end(measuring)
            await leading.close()

    def _fail(self, reason: str, fix: str) -> None:
        self.status.enter(State.FAILED, reason, fix)
        log.error("failed", reason=reason, fix=fix)
