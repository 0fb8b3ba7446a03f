"""Messages that address the bot: mentions, replies, its own threads and DMs."""

import re
from collections import OrderedDict
from dataclasses import replace

import discord
from askmesh_kit.logs import get_logger

from askmesh_bot.frontends.discord.answerer import Answerer, Asked
from askmesh_bot.frontends.discord.destinations import ChannelDestination
from askmesh_bot.frontends.discord.holds import Held, Holds
from askmesh_bot.frontends.discord.humans import Humans
from askmesh_bot.frontends.discord.journal import Place
from askmesh_bot.frontends.discord.limits import Limits
from askmesh_bot.frontends.discord.markdown import has_words
from askmesh_bot.frontends.discord.places import PlaceChooser
from askmesh_bot.frontends.discord.rules import Rules, Terms
from askmesh_bot.frontends.discord.staff import is_staff
from askmesh_bot.frontends.discord.texts import say
from askmesh_bot.frontends.discord.where import guild_id_of

log = get_logger("askmesh.discord.mentions")

_REMEMBERED = 5_000


class MentionHandler:
    """Decides which messages are questions to the bot, and has each answered once."""

    def __init__(
        self,
        answerer: Answerer,
        rules: Rules,
        chooser: PlaceChooser,
        limits: Limits,
        humans: Humans,
        holds: Holds,
        deadline_s: float,
    ) -> None:
        self._holds = holds
        self.answerer, self._rules, self._chooser = answerer, rules, chooser
        self._limits, self._humans, self._deadline_s = limits, humans, deadline_s
        # Threads where the hint about unreadable messages was given.
        self._hinted: OrderedDict[int, None] = OrderedDict()

    async def handle(self, message: discord.Message, me: discord.ClientUser, *, missed: bool = False) -> bool:
        """Answer `message` if it is for the bot; whether it was, and had not been answered before.

        `missed`: it was written a while ago, so that its asker need not pause before the next. Whatever breaks becomes
        an apology to who addressed the bot.
        """
        try:
            return await self._handle(message, me, missed=missed)
        except Exception:
            log.exception("message_broke", message=message.id)
            if _addresses(message, me) and not message.author.bot:
                await self._reply(message, say("apology", self._rules.of_message(message).language))
            return False

    async def _handle(self, message: discord.Message, me: discord.ClientUser, *, missed: bool) -> bool:
        if message.author.bot or message.webhook_id or message.is_system() or not self.answerer.tracker.accepting:
            return False
        place = await self._continued(message, me)
        if not _addresses(message, me) and not (place and _follows_up(message, place)):
            return False
        terms = self._rules.of_message(message)
        held = await self._holds.take(message.id, "message", message.channel.id, terms.language)
        if held is None:
            return False
        async with held:
            await self._treat(message, me, place, terms, held, missed=missed)
        return True

    async def answer_again(self, message: discord.Message, me: discord.ClientUser, held: Held) -> bool:
        """Answer what a process took that was killed; whether it could be."""
        terms, question = self._rules.of_message(message), _question(message, me)
        if not question or self._rules.closed(guild_id_of(message), message.channel, terms.language):
            return False
        return await self._answer(message, question, await self._continued(message, me), terms, held)

    async def _treat(
        self,
        message: discord.Message,
        me: discord.ClientUser,
        place: Place | None,
        terms: Terms,
        held: Held,
        *,
        missed: bool,
    ) -> None:
        question, language = _question(message, me), terms.language
        guild_id = guild_id_of(message)
        if closed := self._rules.closed(guild_id, message.channel, language):
            await self._chooser.tell_in_private(message, closed)
        elif not question:
            if not missed:
                await self._say_hello(message, me, language)
        elif refusal := self._limits.refusal(message.author.id, guild_id, language, paced=not missed):
            await self._reply(message, refusal)
        else:
            await self._answer(message, question, place, terms, held)

    async def _answer(
        self, message: discord.Message, question: str, place: Place | None, terms: Terms, held: Held
    ) -> bool:
        """Whether there was a place to answer in."""
        choice = await self._chooser.choose(message, question, terms.language)
        if choice is None:
            return False
        place = place or (await self.answerer.journal.place(choice.place_id) if choice.place_id else None)
        asked = Asked(
            question,
            message.author.id,
            place_id=choice.place_id,
            continued=place,
            note=choice.note,
            terms=terms,
            held=held,
        )
        told = await self.answerer.answer(asked, choice.destination)
        if told.outcome == "abstained":
            await self._humans.call(message.guild, choice.channel, terms.language)
        return True

    async def _continued(self, message: discord.Message, me: discord.ClientUser) -> Place | None:
        """The conversation that a message in its thread or DM, or a reply to one of its answers, belongs to."""
        place = None
        # Most messages are none of the bot's business: only where they may be, the database is asked.
        if guild_id_of(message) is None or isinstance(message.channel, discord.Thread):
            place = await self.answerer.journal.place(message.channel.id)
            if place and not place.silenced and not _addresses(message, me) and self._is_staff(message, place):
                await self.answerer.journal.silence(message.channel.id)
                place = replace(place, silenced=True)
        if place is None and message.reference is not None and message.reference.message_id is not None:
            place = await self.answerer.journal.place(message.reference.message_id)
        return place

    def _is_staff(self, message: discord.Message, place: Place) -> bool:
        return is_staff(message, self._rules.config(message.guild), place.asker_id)

    async def _say_hello(self, message: discord.Message, me: discord.ClientUser, language: str) -> None:
        """To a mention without a question; in its own thread, to words that Discord does not let the bot read."""
        text = "hello"
        if not _addresses(message, me):
            if message.attachments or message.stickers or message.channel.id in self._hinted:
                return
            self._hinted[message.channel.id] = None
            if len(self._hinted) > _REMEMBERED:
                self._hinted.popitem(last=False)
            text = "unreadable"
        await self._reply(message, say(text, language))

    async def _reply(self, message: discord.Message, text: str) -> None:
        try:
            await ChannelDestination(message.channel, self._deadline_s, reply_to=message).send(text)
        except (discord.HTTPException, OSError, TimeoutError) as error:
            log.info("reply_refused", error=str(error))


def _addresses(message: discord.Message, me: discord.ClientUser) -> bool:
    """A DM, a mention in the text, or a reply that pings; a reply that pings is in `mentions` only."""
    return (
        guild_id_of(message) is None
        or me.id in message.raw_mentions
        or any(user.id == me.id for user in message.mentions)
    )


def _follows_up(message: discord.Message, place: Place) -> bool:
    """In the bot's own thread, whoever asked first need not mention it, unless they talk to somebody else or staff
    took over."""
    own_thread = isinstance(message.channel, discord.Thread) and not place.silenced
    return own_thread and message.author.id == place.asker_id and not message.mentions and not message.role_mentions


def _question(message: discord.Message, me: discord.ClientUser) -> str:
    """The words of the question, with people's names in place of their ids."""
    names = {user.id: user.display_name for user in message.mentions} | {me.id: ""}
    text = re.sub(r"<@!?(\d+)>", lambda found: names.get(int(found[1]), found[0]), message.content).strip()
    return text if has_words(text) else ""
