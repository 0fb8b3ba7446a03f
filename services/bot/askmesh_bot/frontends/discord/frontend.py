"""The Discord frontend: started with the app, alive beside it. What happens to Discord never stops the web answers."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping

from askmesh_kit.logs import get_logger
from prometheus_client import CollectorRegistry

from askmesh_bot.conversations.service import Conversations
from askmesh_bot.frontends.discord.ending import end
from askmesh_bot.frontends.discord.journal import Journal
from askmesh_bot.frontends.discord.leader import leadership, lock_path
from askmesh_bot.frontends.discord.metrics import DiscordMetrics
from askmesh_bot.frontends.discord.settings import DiscordSettings
from askmesh_bot.frontends.discord.status import State, Status
from askmesh_bot.frontends.discord.tracker import Tracker

log = get_logger("askmesh.discord")

Check = Callable[[], Awaitable[str | None]]


class DiscordFrontend:
    """Answers in Discord through `conversations`. Among the processes of a host one connects, the others stand by."""

    def __init__(
        self,
        settings: DiscordSettings,
        base_url: str,
        conversations: Conversations,
        registry: CollectorRegistry | None = None,
        checks: Mapping[str, Check] | None = None,
    ) -> None:
        """`checks`: the services answers come from, whose absence the bot's presence shows; None is all well."""
        self._settings, self._base_url, self._conversations = settings, base_url, conversations
        self._token = settings.token.get_secret_value().strip()
        self._tracker = Tracker()
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
        self._tracker.accepting = False
        await self._tracker.drain(self._settings.drain_s)
        if self._task is not None:
            await end(self._task)
            self._task = None
        self.status.enter(State.STOPPED)

    async def check(self) -> str | None:
        """Why Discord is not served, with the remedy where people must act; None where all is well."""
        return self.status.problem

    @property
    def busy(self) -> bool:
        """Whether answers are being written."""
        return bool(self._tracker.tasks())

    async def _run(self) -> None:
        try:
            path = lock_path(self._settings.state_dir, self._token)
            async with leadership(path, self._settings.standby_poll_s, lambda: self.status.enter(State.STANDBY)):
                await self._lead()
        except (OSError, sqlite3.Error) as error:
            fix = "Make ASKMESH_DISCORD_STATE_DIR a folder that the bot can write to, and restart."
            self._fail(f"{self._settings.state_dir}: {error}.", fix)
        except ModuleNotFoundError as error:
            self._fail(f"{error}.", "Install it with: pip install 'askmesh-bot[discord]'.")
        except Exception as error:
            log.exception("frontend_broke")
            self._fail(f"{type(error).__name__}: {error}.", "The log has the details; restart the bot.")

    async def _lead(self) -> None:
        # Imported here: a bot without Discord need not have discord.py.
        from askmesh_bot.frontends.discord.wiring import new_supervisor

        journal = Journal(self._settings.state_dir / "discord.db")
        supervisor = await new_supervisor(
            self._settings,
            self._base_url,
            self._conversations,
            journal,
            self._tracker,
            self.status,
            self._metrics,
            self._checks,
        )
        measuring = asyncio.create_task(self._metrics.watch_loop())
        try:
            await supervisor.run()
            # Failed for good. The lock stays: another process would fail the same way.
            await asyncio.Event().wait()
        finally:
            await end(measuring)
            await supervisor.close()
            journal.close()

    def _fail(self, reason: str, fix: str) -> None:
        self.status.enter(State.FAILED, reason, fix)
        log.error("failed", reason=reason, fix=fix)
