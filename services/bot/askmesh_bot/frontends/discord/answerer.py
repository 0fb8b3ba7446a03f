"""From a question to a finished message: asks the conversation, shows what happens, and never leaves without a word."""

import asyncio
import secrets
from contextlib import aclosing
from dataclasses import dataclass

from askmesh_kit import context
from askmesh_kit.errors import NotFound, ServiceError
from askmesh_kit.logs import get_logger

from askmesh_bot.answering.base import Delta, Failed, Sources, Status
from askmesh_bot.conversations.service import Answered, Conversations
from askmesh_bot.frontends.discord import rendering
from askmesh_bot.frontends.discord.destinations import Destination
from askmesh_bot.frontends.discord.journal import Journal, Place
from askmesh_bot.frontends.discord.live_message import LiveMessage, Undeliverable
from askmesh_bot.frontends.discord.tracker import Tracker

log = get_logger("askmesh.discord.answerer")

_SEARCHING = "Searching…"
_TOO_MANY = "You are already waiting for {count} answers here. Please ask again when one of them is done."
_INTERRUPTED = "Sorry, I was restarted while answering. Please ask again."
_TOO_LATE = "Sorry, the answer took too long and I stopped. Please try again."
_BROKEN = "Sorry, something went wrong on my side. Whoever runs this bot finds it in the log under `{reference}`."
NOT_ACCEPTING = "I'm being restarted. Please ask again in a moment."


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


class Answerer:
    """Answers questions on behalf of every way of asking in Discord."""

    def __init__(
        self,
        conversations: Conversations,
        journal: Journal,
        tracker: Tracker,
        *,
        base_url: str,
        edit_interval_s: float,
        answers_per_user: int,
        deadline_s: float,
    ) -> None:
        self.journal, self.tracker = journal, tracker
        self._conversations, self._base_url = conversations, base_url.rstrip("/")
        self._edit_interval_s, self._answers_per_user, self._deadline_s = edit_interval_s, answers_per_user, deadline_s

    async def answer(self, asked: Asked, destination: Destination) -> list[int]:
        """Answer by editing one message at `destination`. Returns the ids of the messages written.

        Every failure is told there, kindly; only a cancellation is raised, after it was told.
        """
        reference = secrets.token_hex(4)
        context.request_id.set(reference)
        with self.tracker.track(asked.asker_id):
            async with LiveMessage(destination, self._edit_interval_s) as live:
                try:
                    await self._tell(asked, live, reference)
                except asyncio.CancelledError:
                    await self._close(live, asked, _INTERRUPTED)
                    raise
                return live.ids

    async def _tell(self, asked: Asked, live: LiveMessage, reference: str) -> None:
        if self.tracker.waiting(asked.asker_id) > self._answers_per_user:
            await self._close(live, asked, _TOO_MANY.format(count=self._answers_per_user))
            return
        live.show(asked.opening + rendering.status(_SEARCHING))
        context.set_deadline(self._deadline_s)
        try:
            async with asyncio.timeout(self._deadline_s):
                text = await self._ask(asked, live)
        except TimeoutError:
            text = _TOO_LATE
        except ServiceError as error:
            failed = Failed(error.code, error.detail, error.fix or "", retryable=error.status in (429, 503, 504))
            text = rendering.failure(failed)
        except Exception:
            log.exception("answer_broke", reference=reference)
            text = _BROKEN.format(reference=reference)
        await self._close(live, asked, text)

    async def _ask(self, asked: Asked, live: LiveMessage) -> str:
        if asked.continued is None:
            return await self._listen(asked, None, live)
        try:
            return await self._listen(asked, asked.continued, live)
        except NotFound:
            # The conversation has changed hands since, as when the bot's database was replaced: a new one starts.
            return await self._listen(asked, None, live)

    async def _listen(self, asked: Asked, continued: Place | None, live: LiveMessage) -> str:
        # A conversation has one owner. In a thread it is whoever asked first, whoever goes on.
        owner_id = continued.asker_id if continued else asked.asker_id
        events = self._conversations.ask(
            asked.text,
            conversation_id=continued.conversation_id if continued else None,
            collection=None,
            audience=frozenset({"public"}),
            asker=f"discord:{owner_id}",
        )
        written, links = "", dict[int, str]()
        async with aclosing(events):
            async for event in events:
                if live.gone:
                    log.info("answer_unwanted", place=asked.place_id)
                    break
                if isinstance(event, Status) and not written:
                    live.show(asked.opening + rendering.status(event.detail))
                elif isinstance(event, Sources):
                    links = rendering.addresses(event.passages, self._base_url)
                elif isinstance(event, Delta):
                    written += event.text
                    live.show(asked.opening + rendering.draft(written, links))
                elif isinstance(event, Failed):
                    log.warning("answer_failed", code=event.code, detail=event.detail, fix=event.fix)
                    return rendering.failure(event)
                elif isinstance(event, Answered):
                    await self._remember(asked, Place(event.conversation_id, owner_id), live)
                    return rendering.answer(event.done, self._base_url)
        return _TOO_LATE

    async def _remember(self, asked: Asked, place: Place, live: LiveMessage) -> None:
        ids = [*([asked.place_id] if asked.place_id else []), *live.ids]
        await self.journal.remember(ids, place)

    async def _close(self, live: LiveMessage, asked: Asked, text: str) -> None:
        try:
            await live.finish(asked.opening + text + asked.note)
        except Undeliverable as error:
            log.warning("answer_undeliverable", place=asked.place_id, error=str(error))
