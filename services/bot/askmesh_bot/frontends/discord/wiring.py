"""Builds the parts around discord.py: one answerer, what leads to it, and a client per connection."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from askmesh_kit.logs import get_logger
from sqlalchemy.exc import SQLAlchemyError

from askmesh_bot.conversations.service import Conversations
from askmesh_bot.database.engine import Database
from askmesh_bot.frontends.discord.accepted import Acceptance
from askmesh_bot.frontends.discord.adoption import adopt
from askmesh_bot.frontends.discord.answerer import Answerer
from askmesh_bot.frontends.discord.asking import InteractionAsker
from askmesh_bot.frontends.discord.catalog import Catalog
from askmesh_bot.frontends.discord.catch_up import CatchUp
from askmesh_bot.frontends.discord.changes import ChangeMarker
from askmesh_bot.frontends.discord.client import AskmeshClient, Parts
from askmesh_bot.frontends.discord.clock import DiscordClock
from askmesh_bot.frontends.discord.config.base import defaults
from askmesh_bot.frontends.discord.config.desk import ConfigDesk
from askmesh_bot.frontends.discord.config.store import GuildConfigs
from askmesh_bot.frontends.discord.desk import ButtonDesk
from askmesh_bot.frontends.discord.endpoints import point_at
from askmesh_bot.frontends.discord.forum import ForumWatch
from askmesh_bot.frontends.discord.golden import Golden
from askmesh_bot.frontends.discord.holds import Holds
from askmesh_bot.frontends.discord.humans import Humans
from askmesh_bot.frontends.discord.journal import Journal
from askmesh_bot.frontends.discord.limits import Limits
from askmesh_bot.frontends.discord.live.ears import Ears
from askmesh_bot.frontends.discord.live.hearing import Hearing
from askmesh_bot.frontends.discord.live.learner import Learner
from askmesh_bot.frontends.discord.live.notes import Notes
from askmesh_bot.frontends.discord.live.reading import ThreadReader
from askmesh_bot.frontends.discord.mentions import MentionHandler
from askmesh_bot.frontends.discord.metrics import DiscordMetrics
from askmesh_bot.frontends.discord.orphans import Orphans
from askmesh_bot.frontends.discord.pause import PAUSE
from askmesh_bot.frontends.discord.places import PlaceChooser
from askmesh_bot.frontends.discord.presence import Check, Presence
from askmesh_bot.frontends.discord.published import Published
from askmesh_bot.frontends.discord.rules import Rules
from askmesh_bot.frontends.discord.settings import DiscordSettings
from askmesh_bot.frontends.discord.sharded import ShardedClient
from askmesh_bot.frontends.discord.status import Status
from askmesh_bot.frontends.discord.supervisor import Companion, Supervisor
from askmesh_bot.frontends.discord.tracker import Tracker
from askmesh_bot.knowledge.library import Library

log = get_logger("askmesh.discord.wiring")

# Whoever takes over connects first and tidies later.
_SETTLING_S, _DAY_S = 60.0, 86_400.0


@dataclass(frozen=True)
class Mesh:
    """What the frontend is given of the bot."""

    settings: DiscordSettings
    base_url: str
    conversations: Conversations
    database: Database
    golden: Golden | None
    library: Library | None
    checks: Mapping[str, Check]
    holds: Holds


class Leading:
    """Everything behind one bot token. Built and loaded by whoever has just taken over the connection."""

    def __init__(self, mesh: Mesh, tracker: Tracker, status: Status, metrics: DiscordMetrics) -> None:
        settings, deadline_s = mesh.settings, mesh.settings.rest_deadline_s
        point_at(settings.api_url, settings.gateway_url)
        default_collection = settings.collection or mesh.conversations.default_collection
        self._journal = Journal(mesh.database)
        self._configs = GuildConfigs(mesh.database, defaults(settings))
        self._catalog = Catalog(mesh.database)
        self._published = Published(mesh.database, default_collection, settings.changes_answers, settings.changes_days)
        self._limits = Limits(self._journal, self._configs)
        rules = Rules(self._configs, direct_messages=settings.direct_messages)
        humans = Humans(self._configs, settings.human_gap_s, deadline_s)
        answerer = Answerer(
            mesh.conversations, self._journal, self._published, tracker, metrics, settings, mesh.base_url
        )
        asker = InteractionAsker(answerer, rules, self._catalog, self._limits, humans, mesh.holds, deadline_s)
        handler = MentionHandler(
            answerer, rules, PlaceChooser(deadline_s), self._limits, humans, mesh.holds, deadline_s
        )
        clock = DiscordClock()
        self._forum = ForumWatch(answerer, rules, self._limits, humans, mesh.holds, clock, settings)
        self._catch_up = CatchUp(handler, self._journal, metrics, clock, settings.catch_up_s, deadline_s)
        self._orphans = Orphans(
            mesh.holds, handler, self._forum, tracker, metrics, settings.catch_up_s, settings.rest_deadline_s
        )
        config_desk = ConfigDesk(self._configs, self._catalog, tracker.stopping, reads_content=settings.message_content)
        config_desk.on_change = self._look_at_config
        self._notes = Notes(mesh.database, settings.live_threads)
        self._ears = Ears(self._notes, self._configs, settings)
        learner = self._learner(mesh, default_collection)
        desk = ButtonDesk(answerer, asker)
        if learner is not None:
            config_desk.ears, desk.on_opt_out = self._ears, self._ears.opted_out
        self._settings, self._status = settings, status
        status.paused_s = lambda: PAUSE.left_s
        parts = Parts(
            handler,
            asker,
            desk,
            config_desk,
            self._forum,
            Acceptance(mesh.golden, self._published, self._journal, self._configs, settings.accept_emoji),
            self._catch_up,
            Hearing(self._ears if learner else None, learner.session_began if learner else lambda: None),
        )
        presence = Presence(mesh.checks, settings.presence_s)
        changes = ChangeMarker(self._published, rules, settings)
        companions: list[Companion] = [
            presence.run,
            self._catch_up.run,
            self._orphans.run,
            changes.run,
            self._tidy_daily,
        ]
        self.supervisor = Supervisor(
            lambda sharded: (ShardedClient if sharded else AskmeshClient)(parts, settings, status, tracker),
            [*companions, *([learner.run] if learner else [])],
            settings.token.get_secret_value().strip(),
            settings,
            status,
            tracker,
        )

    async def load(self) -> None:
        """Read what a process before this one knew. Raises SQLAlchemyError."""
        await adopt(self._settings.state_dir, self._journal)
        await self._configs.load()
        await self._limits.load()
        await self._published.load()
        await self._catch_up.load()
        await self._notes.load()
        self._catalog.refresh()
        self._look_at_config()

    async def close(self) -> None:
        await self._forum.close()
        await self._orphans.close()
        await self._ears.close()
        await self.supervisor.close()
        await self._catalog.close()
        await self._limits.settled()

    async def _tidy(self) -> None:
        await self._journal.tidy()
        await self._published.tidy()

    async def _tidy_daily(self, _: AskmeshClient, __: Status) -> None:
        pause_s = _SETTLING_S
        while True:
            await asyncio.sleep(pause_s)
            pause_s = _DAY_S
            try:
                await self._tidy()
            except SQLAlchemyError as error:
                log.warning("not_tidied", error=str(error))

    def _learner(self, mesh: Mesh, collection: str) -> Learner | None:
        if mesh.library is None:
            return None
        reader = ThreadReader(self._notes, mesh.settings)
        return Learner(self._notes, self._ears, reader, mesh.library, self._configs, collection, mesh.settings)

    def _look_at_config(self) -> None:
        """Say in the readiness what some server's options need and the bot does not have."""
        self._notes.changed.set()
        configs = [self._configs.base, *self._configs.everywhere().values()]
        count = sum(bool(config.forums or config.live) for config in configs)
        needed = count and not self._settings.message_content
        self._status.warning = (
            f"Discord: {count} servers want forum posts answered or threads learned, which needs the message content"
            " intent: switch it on on the Bot page of Discord's developer portal, and set"
            " ASKMESH_DISCORD_MESSAGE_CONTENT=true."
            if needed
            else ""
        )
