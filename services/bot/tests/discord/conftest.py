"""Fixtures: an emulated Discord, and the frontend connected to it with a scripted assistant behind real conversations."""

import asyncio
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from .conversations import scripted_conversations

with warnings.catch_warnings():
    # discord.py 2.7 imports the standard library's audioop for voice, which askmesh does not use.
    warnings.filterwarnings("ignore", "'audioop' is deprecated", DeprecationWarning)
    from askmesh_bot.frontends.discord import asking
    from askmesh_bot.frontends.discord.endpoints import point_at
    from askmesh_bot.frontends.discord.pause import PAUSE

from askmesh_bot.conversations.service import Conversations
from askmesh_bot.database.engine import Database
from askmesh_bot.database.models import AnswerRow, DocumentRow, FeedbackRow
from askmesh_bot.frontends.discord.frontend import DiscordFrontend
from askmesh_bot.frontends.discord.settings import DiscordSettings
from askmesh_bot.frontends.discord.status import State
from askmesh_bot.review.golden import GoldenSet
from askmesh_bot.settings import ReviewSettings

from .emulator import Emulator
from .scripted import ScriptedAssistant

# Nothing listens on the discard port: a client that outlives its test reaches nobody.
DEAD_API, DEAD_GATEWAY = "http://127.0.0.1:9/api/v10", "ws://127.0.0.1:9/"
# Shorter than the settings allow, so that tests spend no time waiting for it.
INTERVAL_S = 0.05
BASE_URL = "http://bot.example.org"


@pytest.fixture(autouse=True)
def _no_real_discord(monkeypatch):
    # As long as the emulated Discord waits: how long it is for real, a machine that stands still may take.
    monkeypatch.setattr(asking, "_PATIENCE_S", 60.0)
    point_at(DEAD_API, DEAD_GATEWAY)
    PAUSE.end()
    yield
    point_at(DEAD_API, DEAD_GATEWAY)


async def until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """The first truthy result of `condition`. Raises AssertionError when there is none in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (result := condition()):
        assert asyncio.get_running_loop().time() < deadline, "nothing of the kind happened in time"
        await asyncio.sleep(0.02)
    return result


@dataclass
class Stage:
    """An emulated Discord with one guild and one channel, and the frontend connected to it."""

    discord: Emulator
    frontend: DiscordFrontend
    assistant: ScriptedAssistant
    guild: dict[str, Any]
    channel: dict[str, Any]
    conversations: Conversations
    database: Database
    registry: CollectorRegistry
    golden: GoldenSet

    def __post_init__(self) -> None:
        self.ada = self.discord.person("ada")

    def messages(self, channel: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """What the bot wrote in a channel."""
        mine = self.discord.world.bot["id"]
        return [m for m in self.discord.world.in_channel(channel or self.channel) if m["author"]["id"] == mine]

    async def answer_with(self, text: str, where: Callable[[], list[dict[str, Any]]]) -> dict[str, Any]:
        """The first message of `where()` that comes to hold `text`."""
        return await until(lambda: next((m for m in where() if text in m["content"]), None))

    async def feedback(self) -> list[tuple[str, str, str]]:
        """Every verdict kept: answer, verdict, reason."""
        async with self.database.read() as session:
            rows = await session.execute(select(FeedbackRow.answer_id, FeedbackRow.verdict, FeedbackRow.reason))
            return [tuple(row) for row in rows]

    async def questions(self) -> list[str]:
        """Every question kept, oldest first."""
        async with self.database.read() as session:
            return list(await session.scalars(select(AnswerRow.question).order_by(AnswerRow.created_at)))

    async def accepted(self) -> dict[str, str]:
        """The golden answers, and who accepted them."""
        return {row.id: row.added_by for row in await self.golden.rows()}

    def lag_over(self, seconds: float) -> float:
        """The share of timers that the event loop woke more than `seconds` late: one of the metric's buckets."""
        counts = {
            sample.labels["le"]: sample.value
            for metric in self.registry.collect()
            for sample in metric.samples
            if sample.name == "askmesh_discord_event_loop_lag_seconds_bucket"
        }
        return 1 - counts[str(seconds)] / max(1.0, counts["+Inf"])

    def restarted(self, tmp_path: Path, **changes: Any) -> DiscordFrontend:
        """Another process's frontend for the same bot, on the same state directory."""
        return DiscordFrontend(
            settings_for(self.discord, tmp_path, **changes), BASE_URL, self.conversations, self.database
        )

    async def thread_of(self, message: dict[str, Any]) -> dict[str, Any]:
        """The thread opened on a message: it has the message's id."""
        return await until(lambda: self.discord.world.channels.get(message["id"]))


def settings_for(discord: Emulator, tmp_path: Path, **changes: Any) -> DiscordSettings:
    values = {
        "token": discord.world.token,
        "api_url": discord.api_url,
        "gateway_url": discord.gateway_url,
        "state_dir": tmp_path / "state",
        "backoff_s": 0.1,
        "watch_s": 0.1,
        "guild_ready_s": 0.05,
        "standby_poll_s": 0.1,
        "cooldown_s": 0,
        "identify_gap_s": 0.1,
    }
    settings = DiscordSettings(_env_file=None, **values | changes)
    return settings.model_copy(update={} if "edit_interval_s" in changes else {"edit_interval_s": INTERVAL_S})


def learned_document() -> DocumentRow:
    """The document that the scripted passages are of."""
    key = {"collection": "default", "source": "stdlib", "id": "pathlib"}
    return DocumentRow(**key, kind="docstring", content_hash="1", text="Open the file in text mode, read it.")


@asynccontextmanager
async def staged(tmp_path: Path, wait_ready: bool = True, **changes: Any) -> AsyncIterator[Stage]:
    """A stage for the length of the block."""
    async with Emulator() as discord, scripted_conversations(tmp_path) as (assistant, conversations, database):
        guild = discord.world.add_guild("Python")
        channel = discord.world.add_channel(guild, "general")
        # Fast edits must not meet the limits by accident; the test of the limits sets its own.
        discord.limiter.limits = {key: (100, window) for key, (_, window) in discord.limiter.limits.items()}
        registry = CollectorRegistry()
        settings = settings_for(discord, tmp_path, **changes)
        golden = GoldenSet(database, ReviewSettings(_env_file=None))
        frontend = DiscordFrontend(settings, BASE_URL, conversations, database, registry, golden=golden)
        async with database.write() as session:
            session.add(learned_document())
        await frontend.start()
        stage = Stage(discord, frontend, assistant, guild, channel, conversations, database, registry, golden)
        try:
            if wait_ready:
                await until(lambda: frontend.status.state is State.READY and discord.world.commands)
            yield stage
        finally:
            await frontend.stop()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
