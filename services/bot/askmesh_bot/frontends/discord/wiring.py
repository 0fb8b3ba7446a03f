"""Builds the parts around discord.py: one answerer, one mention handler, and a client per connection."""

from askmesh_bot.conversations.service import Conversations
from askmesh_bot.frontends.discord.answerer import Answerer
from askmesh_bot.frontends.discord.client import AskmeshClient
from askmesh_bot.frontends.discord.endpoints import point_at
from askmesh_bot.frontends.discord.journal import Journal
from askmesh_bot.frontends.discord.mentions import MentionHandler
from askmesh_bot.frontends.discord.places import PlaceChooser
from askmesh_bot.frontends.discord.settings import DiscordSettings
from askmesh_bot.frontends.discord.status import Status
from askmesh_bot.frontends.discord.supervisor import Supervisor
from askmesh_bot.frontends.discord.tracker import Tracker


def new_supervisor(
    settings: DiscordSettings,
    base_url: str,
    conversations: Conversations,
    journal: Journal,
    tracker: Tracker,
    status: Status,
) -> Supervisor:
    """Everything behind one bot token, ready to run."""
    point_at(settings.api_url, settings.gateway_url)
    answerer = Answerer(
        conversations,
        journal,
        tracker,
        base_url=base_url,
        edit_interval_s=settings.edit_interval_s,
        answers_per_user=settings.answers_per_user,
        deadline_s=settings.answer_deadline_s,
    )
    handler = MentionHandler(answerer, PlaceChooser(settings.rest_deadline_s), settings.rest_deadline_s)
    token = settings.token.get_secret_value().strip()
    return Supervisor(lambda: AskmeshClient(handler, settings, status), token, settings, status, tracker)
