"""Questions that come as interactions: `/ask`, the message menu, and the button that asks again."""

from dataclasses import replace
from typing import Any

import discord
from askmesh_kit.logs import get_logger
from sqlalchemy.exc import SQLAlchemyError

from askmesh_bot.frontends.discord import rendering
from askmesh_bot.frontends.discord.answerer import Answerer, Asked, Told
from askmesh_bot.frontends.discord.catalog import MOST_CHARACTERS, Catalog
from askmesh_bot.frontends.discord.destinations import (
    NO_MENTIONS,
    ChannelDestination,
    Destination,
)
from askmesh_bot.frontends.discord.holds import Holds
from askmesh_bot.frontends.discord.humans import Humans
from askmesh_bot.frontends.discord.interaction_destination import InteractionDestination
from askmesh_bot.frontends.discord.limits import Limits
from askmesh_bot.frontends.discord.markdown import has_words, plain
from askmesh_bot.frontends.discord.places import granted_in, missing_for_threads
from askmesh_bot.frontends.discord.rest import ALREADY_ACKNOWLEDGED, bounded, is_expired, is_transient
from askmesh_bot.frontends.discord.rules import Rules, Terms
from askmesh_bot.frontends.discord.texts import language_of, say

log = get_logger("askmesh.discord.asking")

# Tries to acknowledge an interaction, and how long one may take, in seconds. Discord waits for three until it arrives; the
# way back may be slow.
_TRIES, _PATIENCE_S = 2, 4.0


class InteractionAsker:
    """Answers in the interaction's own response, with a thread on it for what is asked next."""

    def __init__(
        self,
        answerer: Answerer,
        rules: Rules,
        catalog: Catalog,
        limits: Limits,
        humans: Humans,
        holds: Holds,
        deadline_s: float,
    ) -> None:
        self._holds = holds
        self._answerer, self._rules, self._catalog = answerer, rules, catalog
        self._limits, self._humans, self._deadline_s = limits, humans, deadline_s

    async def ask(
        self,
        interaction: discord.Interaction[Any],
        question: str,
        *,
        private: bool,
        source: str = "",
        sources: tuple[str, ...] = (),
    ) -> None:
        """Answer `question`; `private`: only its asker sees it; `source`: the one source to keep to, as somebody named it;
        `sources`: the ids of those that were kept to before."""
        terms = replace(self._rules.of_interaction(interaction, private=private), sources=sources)
        if source:
            # From memory, but for the first seconds after a start.
            chosen = await self._catalog.named(self._collection(terms), terms.audience, source)
            terms = replace(terms, sources=(chosen.id,)) if chosen else terms
        unknown = source if source and not terms.sources else ""
        if refusal := self._refusal(interaction, question, unknown):
            await interaction.response.send_message(refusal, ephemeral=True, allowed_mentions=NO_MENTIONS)
            return
        destination = InteractionDestination(
            interaction, self._deadline_s, private=private, fallback=lambda: self._elsewhere(interaction, private)
        )
        # Before anything slow: Discord waits three seconds for this, and no longer.
        if not await self._acknowledge(interaction, destination, private):
            return  # another process answers it
        told = await self._answer(interaction, await self._asked(interaction, question, private, terms), destination)
        thread = None
        if told.message_ids and not private and not destination.expired:
            thread = await self._open_thread(interaction, question)
        if not private and told.outcome == "abstained":
            await self._humans.call(interaction.guild, thread or interaction.channel, terms.language)

    async def _acknowledge(
        self, interaction: discord.Interaction[Any], destination: InteractionDestination, private: bool
    ) -> bool:
        """Whether the interaction is ours to answer. One that Discord does not let be acknowledged is answered elsewhere."""
        tried = False
        for _ in range(_TRIES):
            try:
                call = interaction.response.defer(ephemeral=private, thinking=True)
                await bounded(call, min(_PATIENCE_S, self._deadline_s))
                return True
            except (discord.HTTPException, OSError, TimeoutError) as error:
                if isinstance(error, discord.HTTPException) and error.code == ALREADY_ACKNOWLEDGED:
                    return tried  # by the try before this one, whose response was lost
                if not is_expired(error) and not is_transient(error):
                    raise
                log.warning("not_acknowledged", interaction=interaction.id, error=f"{type(error).__name__}: {error}")
                if is_expired(error) or isinstance(error, TimeoutError):
                    break
                tried = True
        destination.give_up_token()
        return True

    async def _answer(self, interaction: discord.Interaction[Any], asked: Asked, destination: Destination) -> Told:
        held = None
        if not asked.private and interaction.channel_id is not None:
            try:
                held = await self._holds.take(interaction.id, "interaction", interaction.channel_id, asked.language)
            except SQLAlchemyError as error:
                log.warning("not_noted", interaction=interaction.id, error=type(error).__name__)
        if held is None:
            return await self._answerer.answer(asked, destination)
        async with held:
            return await self._answerer.answer(replace(asked, held=held), destination)

    async def offer_sources(self, interaction: discord.Interaction[Any], typed: str) -> list[tuple[str, str]]:
        """Titles and ids of the sources that this question could keep to, while somebody types."""
        terms = self._rules.of_interaction(interaction, private=bool(interaction.namespace.private))
        offered = await self._catalog.offered(self._collection(terms), terms.audience, typed)
        return [(source.title[:MOST_CHARACTERS], source.id) for source in offered if len(source.id) <= MOST_CHARACTERS]

    def _collection(self, terms: Terms) -> str:
        return terms.collection or self._answerer.conversations.default_collection

    def _refusal(self, interaction: discord.Interaction[Any], question: str, unknown: str) -> str | None:
        language = language_of(interaction.locale)
        if not self._answerer.tracker.accepting:
            return say("restarting", language)
        if closed := self._rules.closed(interaction.guild_id, interaction.channel, language):
            return closed
        if not has_words(question):
            return say("no_words", language)
        if unknown:
            return say("no_such_source", language, name=plain(unknown, 80))
        return self._limits.refusal(interaction.user.id, interaction.guild_id, language)

    async def _elsewhere(self, interaction: discord.Interaction[Any], private: bool) -> Destination:
        # What was asked in private is never answered in the channel.
        if private or not isinstance(interaction.channel, discord.abc.Messageable):
            return ChannelDestination(await interaction.user.create_dm(), self._deadline_s)
        return ChannelDestination(interaction.channel, self._deadline_s)

    async def _asked(self, interaction: discord.Interaction[Any], question: str, private: bool, terms: Terms) -> Asked:
        """The question, continuing the conversation of the thread or DM it was asked in."""
        in_place = isinstance(interaction.channel, discord.Thread | discord.DMChannel) and not private
        place_id = interaction.channel_id if in_place else None
        return Asked(
            question,
            interaction.user.id,
            place_id=place_id,
            continued=await self._answerer.journal.place(place_id) if place_id else None,
            opening=rendering.question(question),
            private=private,
            terms=terms,
        )

    async def _open_thread(self, interaction: discord.Interaction[Any], question: str) -> discord.Thread | None:
        """A thread on the answer for what is asked next; its id is the message's, so its conversation is known."""
        channel = interaction.channel
        # What Discord says it gave the bot here; where it does not say, what is known of its roles.
        granted = interaction.app_permissions if interaction.app_permissions.value else granted_in(channel)
        if not isinstance(channel, discord.TextChannel) or missing_for_threads(granted):
            return None
        try:
            message = await bounded(interaction.original_response(), self._deadline_s)
            return await bounded(message.create_thread(name=rendering.thread_name(question)), self._deadline_s)
        except (discord.HTTPException, OSError, TimeoutError) as error:
            log.info("thread_refused", channel=channel.id, error=str(error))
            return None
