"""Builds the parts around discord.py: one answerer, what leads to it, and a client per connection."""

from collections.abc import Mapping

from askmesh_bot.conversations.service import Conversations
from askmesh_bot.frontends.discord.answerer import Answerer
from askmesh_bot.frontends.discord.asking import InteractionAsker
from askmesh_bot.frontends.discord.catch_up import CatchUp
from askmesh_bot.frontends.discord.client import AskmeshClient, Parts
from askmesh_bot.frontends.discord.desk import ButtonDesk
from askmesh_bot.frontends.discord.endpoints import point_at
from askmesh_bot.frontends.discord.journal import Journal
from askmesh_bot.frontends.discord.limits import Limits
from askmesh_bot.frontends.discord.mentions import MentionHandler
from askmesh_bot.frontends.discord.metrics import DiscordMetrics
from askmesh_bot.frontends.discord.places import PlaceChooser
from askmesh_bot.frontends.discord.presence import Check, Presence
from askmesh_bot.frontends.discord.settings import DiscordSettings
from askmesh_bot.frontends.discord.status import Status
from askmesh_bot.frontends.discord.supervisor import Supervisor
from askmesh_bot.frontends.discord.tracker import Tracker


async def new_supervisor(
    settings: DiscordSettings,
    base_url: str,
    conversations: Conversations,
    journal: Journal,
    tracker: Tracker,
    status: Status,
    metrics: DiscordMetrics,
    checks: Mapping[str, Check],
) -> Supervisor:
    """Everything behind one bot token, ready to run."""
    point_at(settings.api_url, settings.gateway_url)
    deadline_s = settings.rest_deadline_s
    answerer = Answerer(conversations, journal, tracker, metrics, settings, base_url)
    limits = Limits(journal, settings.cooldown_s, settings.daily_answers)
    asker = InteractionAsker(answerer, limits, deadline_s)
    handler = MentionHandler(answerer, PlaceChooser(deadline_s), limits, deadline_s)
    catch_up = CatchUp(handler, journal, metrics, settings.catch_up_s, deadline_s)
    await catch_up.load()
    parts = Parts(handler, asker, ButtonDesk(answerer, asker), catch_up)
    token = settings.token.get_secret_value().strip()
    presence = Presence(checks, settings.presence_s)
    return Supervisor(
        lambda: AskmeshClient(parts, settings, status), [presence.run, catch_up.run], token, settings, status, tracker
    )
