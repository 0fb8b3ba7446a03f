"""From a question to a finished message: asks the conversation, shows what happens, and never leaves without a word."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from dataclasses import dataclass, field

from askmesh_kit import context
from askmesh_kit.errors import NotFound, ServiceError
from askmesh_kit.logs import get_logger
from sqlalchemy.exc import SQLAlchemyError

from askmesh_bot.answering.base import Delta, Done, Event, Failed, Sources, Status
from askmesh_bot.conversations.service import Answered, ConversationEvent, Conversations
from askmesh_bot.frontends.discord import rendering
from askmesh_bot.frontends.discord.buttons import answer_buttons
from askmesh_bot.frontends.discord.destinations import Buttons, Destination
from askmesh_bot.frontends.discord.holds import Held
from askmesh_bot.frontends.discord.journal import Journal, Place
from askmesh_bot.frontends.discord.live_message import LiveMessage, Undeliverable
from askmesh_bot.frontends.discord.metrics import DiscordMetrics
from askmesh_bot.frontends.discord.published import Published
from askmesh_bot.frontends.discord.rules import Terms
from askmesh_bot.frontends.discord.settings import DiscordSettings
from askmesh_bot.frontends.discord.texts import say
from askmesh_bot.frontends.discord.tracker import Tracker

log = get_logger("askmesh.discord.answerer")


@dataclass(frozen=True)
class Asked:
    """A question from Discord. `place_id`: the thread or DM it belongs to, whose memory it continues and extends."""

    text: str
    asker_id: int
    place_id: int | None = None
    continued: Place | None = None
    # Stands above the answer.
    opening: str = ""
    # Stands below the answer: what an admin should know.
    note: str = ""
    # Only its asker sees the answer.
    private: bool = False
    terms: Terms = field(default_factory=Terms)
    # By what another process can tell that this one still answers.
    held: Held | None = None

    @property
    def language(self) -> str:
        return self.terms.language


@dataclass(frozen=True)
class Reply:
    """The last words to a question. `outcome` is for the metrics."""

    text: str
    outcome: str
    buttons: Buttons = None
    place: Place | None = None
    # What was kept, where it was.
    kept: Answered | None = None


@dataclass(frozen=True)
class Told:
    """What became of a question: the messages that were written, and how it ended."""

    message_ids: list[int]
    outcome: str


class Answerer:
    """Answers questions on behalf of every way of asking in Discord."""

    def __init__(
        self,
        conversations: Conversations,
        journal: Journal,
        published: Published,
        tracker: Tracker,
        metrics: DiscordMetrics,
        settings: DiscordSettings,
        base_url: str,
    ) -> None:
        self.journal, self.tracker, self.conversations = journal, tracker, conversations
        self.base_url = base_url.rstrip("/")
        self.published, self._metrics, self._settings = published, metrics, settings

    async def answer(self, asked: Asked, destination: Destination) -> Told:
        """Answer by editing one message at `destination`.

        Every failure is told there, kindly; only a cancellation is raised, after it was told.
        """
        reference = secrets.token_hex(4)
        context.request_id.set(reference)
        with self.tracker.track(asked.asker_id):
            async with self._live(asked.held, destination) as live:
                try:
                    outcome = await self._tell(asked, live, reference)
                except asyncio.CancelledError:
                    await self._close(live, asked, Reply(say("interrupted", asked.language), "interrupted"))
                    raise
                return Told(live.ids, outcome)

    def _live(self, held: Held | None, destination: Destination) -> LiveMessage:
        interval_s, on_edit = self._settings.edit_interval_s, self._metrics.edits.inc
        if held is None:
            return LiveMessage(destination, interval_s, on_edit)
        return LiveMessage(destination, interval_s, on_edit, held.posts, held.show, held.current)

    async def _tell(self, asked: Asked, live: LiveMessage, reference: str) -> str:
        most, deadline_s = self._settings.answers_per_user, self._settings.answer_deadline_s
        if self.tracker.waiting(asked.asker_id) > most:
            return await self._close(live, asked, Reply(say("too_many", asked.language, count=most), "refused"))
        live.show(asked.opening + rendering.status(Status("searching", say("searching")), asked.language))
        context.set_deadline(deadline_s)
        try:
            async with asyncio.timeout(deadline_s):
                reply = await self._ask(asked, live)
        except TimeoutError:
            reply = Reply(say("too_late", asked.language), "too_late")
        except ServiceError as error:
            failed = Failed(error.code, error.detail, error.fix or "", retryable=error.status in (429, 503, 504))
            reply = Reply(rendering.failure(failed, asked.language), "failed")
        except Exception:
            log.exception("answer_broke", reference=reference)
            reply = Reply(say("broken", asked.language, reference=reference), "broken")
        return await self._close(live, asked, reply)

    async def _ask(self, asked: Asked, live: LiveMessage) -> Reply:
        if await self.journal.opted_out(asked.asker_id):
            terms = asked.terms
            events = self.conversations.ask_once(
                asked.text, history=(), collection=terms.collection, audience=terms.audience, sources=terms.sources
            )
            return await self._listen(asked, asked.asker_id, events, live)
        if asked.continued is not None:
            try:
                return await self._converse(asked, asked.continued, live)
            except NotFound:
                # The conversation has changed hands since, as when the bot's database was replaced: a new one starts.
                pass
        return await self._converse(asked, None, live)

    async def _converse(self, asked: Asked, continued: Place | None, live: LiveMessage) -> Reply:
        # A conversation has one owner. In a thread it is whoever asked first, whoever goes on.
        owner_id = continued.asker_id if continued else asked.asker_id
        events = self.conversations.ask(
            asked.text,
            conversation_id=continued.conversation_id if continued else None,
            collection=asked.terms.collection,
            audience=asked.terms.audience,
            sources=asked.terms.sources,
            asker=asker_name(owner_id),
        )
        return await self._listen(asked, owner_id, events, live)

    async def _listen(
        self,
        asked: Asked,
        owner_id: int,
        events: AsyncGenerator[Event, None] | AsyncGenerator[ConversationEvent, None],
        live: LiveMessage,
    ) -> Reply:
        written, links = "", dict[int, str]()
        async with aclosing(events):
            async for event in events:
                if live.gone or (asked.held is not None and asked.held.lost):
                    log.info("answer_unwanted", place=asked.place_id)
                    return Reply("", "unwanted")
                if isinstance(event, Status) and not written:
                    live.show(asked.opening + rendering.status(event, asked.language))
                elif isinstance(event, Sources):
                    links = rendering.addresses(event.passages, self.base_url)
                elif isinstance(event, Delta):
                    written += event.text
                    live.show(asked.opening + rendering.draft(written, links))
                elif isinstance(event, Failed):
                    log.warning("answer_failed", code=event.code, detail=event.detail, fix=event.fix)
                    return Reply(rendering.failure(event, asked.language), "failed")
                elif isinstance(event, Done):
                    return Reply(rendering.answer(event, self.base_url, asked.language), event.outcome)
                elif isinstance(event, Answered):
                    return await self._kept(asked, owner_id, event, live)
        return Reply(say("too_late", asked.language), "too_late")

    async def _kept(self, asked: Asked, owner_id: int, event: Answered, live: LiveMessage) -> Reply:
        place = Place(event.conversation_id, owner_id)
        # Before the last words are read, so that who goes on at once is understood.
        await self._remember(asked, place, live)
        buttons = None
        if event.answer_id:
            await self._note(self.journal.note(event.answer_id, "asked", asked.asker_id))
            buttons = answer_buttons(event.answer_id, asked.asker_id, asked.language)
        text = rendering.answer(event.done, self.base_url, asked.language)
        return Reply(text, event.done.outcome, buttons, place, event)

    async def _close(self, live: LiveMessage, asked: Asked, reply: Reply) -> str:
        """Write the last words; how the question ended."""
        if asked.held is not None and not await asked.held.confirm():
            return "taken_over"
        self._metrics.answers.labels(reply.outcome).inc()
        try:
            await live.finish(asked.opening + reply.text + asked.note, reply.buttons)
        except Undeliverable as error:
            log.warning("answer_undeliverable", place=asked.place_id, error=str(error))
        if reply.place:
            await self._remember(asked, reply.place, live)
        if reply.kept and not asked.private:
            await self.published.note(live.written, asked.asker_id, asked.terms.collection, reply.kept)
        if asked.held is not None:
            # While the answer still counts as in flight: a process that ends waits for it.
            await asked.held.done()
        return reply.outcome

    async def _remember(self, asked: Asked, place: Place, live: LiveMessage) -> None:
        ids = [*([asked.place_id] if asked.place_id else []), *live.ids]
        await self._note(self.journal.remember(ids, place))

    async def _note(self, write: Awaitable[None]) -> None:
        """Write to the journal; a database that fails now must not take away an answer that is there."""
        try:
            await write
        except SQLAlchemyError as error:
            log.error("not_noted", error=f"{type(error).__name__}: {error}".splitlines()[0])


def asker_name(user_id: int) -> str:
    """How the bot's database names a person on Discord."""
    return f"discord:{user_id}"
