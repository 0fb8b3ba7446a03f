"""A reaction that accepts an answer: it becomes a question of the golden set, by which answers are measured."""

import contextlib

import discord
from askmesh_kit.errors import NotFound, ServiceError
from askmesh_kit.logs import get_logger

from askmesh_bot.frontends.discord.answerer import asker_name
from askmesh_bot.frontends.discord.config.store import GuildConfigs
from askmesh_bot.frontends.discord.golden import Golden
from askmesh_bot.frontends.discord.journal import Journal
from askmesh_bot.frontends.discord.published import Published, Shown
from askmesh_bot.frontends.discord.staff import acts_for_staff

log = get_logger("askmesh.discord.accepted")


class Acceptance:
    """Whoever asked may accept, and staff. Of others the reaction is a kind word."""

    def __init__(
        self, golden: Golden | None, published: Published, journal: Journal, configs: GuildConfigs, emoji: str
    ) -> None:
        self._golden, self._published, self._journal = golden, published, journal
        self._configs, self._emoji = configs, _bare(emoji)

    async def reacted(self, client: discord.Client, payload: discord.RawReactionActionEvent) -> None:
        """Somebody added a reaction to any message."""
        shown = await self._shown(payload)
        if self._golden is None or shown is None or not self._may_accept(client, payload, shown):
            return
        try:
            await self._golden.add(shown.answer_id, added_by=asker_name(payload.user_id))
        except ServiceError as error:
            log.info("not_accepted", answer=shown.answer_id, reason=error.detail)
            return
        await self._journal.note(shown.answer_id, "accepted", payload.user_id)
        log.info("accepted", answer=shown.answer_id, by=payload.user_id)

    async def took_back(self, payload: discord.RawReactionActionEvent) -> None:
        """Somebody took a reaction away: the answer goes again if they had accepted it."""
        shown = await self._shown(payload)
        if (
            self._golden is None
            or shown is None
            or await self._journal.who(shown.answer_id, "accepted") != payload.user_id
        ):
            return
        with contextlib.suppress(NotFound):
            await self._golden.remove(shown.answer_id)
        await self._journal.unnote(shown.answer_id, "accepted")

    async def _shown(self, payload: discord.RawReactionActionEvent) -> Shown | None:
        """The answer of the bot's that was reacted to in the way that counts."""
        if not self._emoji or _bare(payload.emoji.name or "") != self._emoji:
            return None
        return await self._published.answer_in(payload.message_id)

    def _may_accept(self, client: discord.Client, payload: discord.RawReactionActionEvent, shown: Shown) -> bool:
        if payload.user_id == shown.asker_id:
            return True
        guild = client.get_guild(payload.guild_id or 0)
        if guild is None or payload.member is None or payload.member.bot:
            return False
        channel = guild.get_channel_or_thread(payload.channel_id)
        return acts_for_staff(payload.member, channel, self._configs.get(guild.id))


def _bare(emoji: str) -> str:
    # Clients add a variation selector to some emoji and leave it out with others.
    return emoji.replace("\ufe0f", "")
