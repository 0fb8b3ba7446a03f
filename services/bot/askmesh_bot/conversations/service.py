"""What every frontend asks: remembers conversations, bounds the load, hands the question to the assistant."""

import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from askmesh_kit.errors import InvalidRequest, NotFound
from askmesh_kit.logs import get_logger
from sqlalchemy.exc import SQLAlchemyError

from askmesh_bot.answering.base import Assistant, Citation, Delta, Done, Event, Failed, Question, Sources, Status, Turn
from askmesh_bot.conversations.admission import Admission
from askmesh_bot.conversations.store import ConversationStore
from askmesh_bot.database.models import AnswerRow
from askmesh_bot.settings import AnsweringSettings

log = get_logger("askmesh.conversations")

Verdict = Literal["up", "down"]


@dataclass(frozen=True)
class Answered:
    """The last event of an exchange that went well. `answer_id` is empty if it could not be kept."""

    done: Done
    conversation_id: str
    answer_id: str


ConversationEvent = Status | Sources | Delta | Citation | Answered | Failed


@dataclass(frozen=True)
class Conversation:
    """A conversation as its asker sees it: every answer kept, oldest first."""

    id: str
    answers: tuple[AnswerRow, ...]


class Conversations:
    """The one door to the assistant."""

    def __init__(
        self, assistant: Assistant, store: ConversationStore, settings: AnsweringSettings, default_collection: str
    ) -> None:
        self._assistant, self._store, self._settings = assistant, store, settings
        self._default_collection = default_collection
        self._admission = Admission(settings.concurrent_answers, settings.waiting_answers, settings.waiting_s)

    async def ask(
        self,
        text: str,
        *,
        conversation_id: str | None,
        collection: str | None,
        audience: frozenset[str],
        sources: tuple[str, ...] = (),
        asker: str = "",
        keep: bool = True,
        rerank: bool = True,
    ) -> AsyncGenerator[ConversationEvent, None]:
        """The events of one answer, ending with Answered or Failed. An unknown `conversation_id` begins that one.
        Nothing is stored unless `keep`.

        Before the first event it raises InvalidRequest (no question, or one too long), NotFound (somebody else's
        conversation) or Overloaded.
        """
        text = self._checked(text)
        async with self._admission.slot():
            history: tuple[Turn, ...] = ()
            if conversation_id:
                await self._own(conversation_id, asker)
                history = await self._store.turns(conversation_id, audience, self._settings.history_turns)
            else:
                # A conversation of its own has no past to look for.
                conversation_id = secrets.token_hex(16)
            question = Question(text, collection or self._default_collection, history, audience, sources, rerank)
            async with aclosing(self._assistant.answer(question)) as events:
                async for event in events:
                    if isinstance(event, Done):
                        answer_id = await self._kept(conversation_id, asker, question, event) if keep else ""
                        yield Answered(event, conversation_id, answer_id)
                    else:
                        yield event

    async def ask_once(
        self,
        text: str,
        *,
        history: Sequence[Turn],
        collection: str | None,
        audience: frozenset[str],
        sources: tuple[str, ...] = (),
    ) -> AsyncGenerator[Event, None]:
        """The events of one answer in a conversation that the caller keeps, ending with Done or Failed.

        `history` is what went before, oldest first; nothing is read from the database or stored in it. Before the first
        event it raises InvalidRequest (no question, or one too long) or Overloaded.
        """
        text = self._checked(text)
        async with self._admission.slot():
            question = Question(text, collection or self._default_collection, self._recent(history), audience, sources)
            async with aclosing(self._assistant.answer(question)) as events:
                async for event in events:
                    yield event

    async def get(self, conversation_id: str, *, asker: str = "") -> Conversation:
        """Raises NotFound, also for a conversation of somebody else."""
        if not await self._own(conversation_id, asker):
            raise _unknown_conversation()
        return Conversation(conversation_id, tuple(await self._store.answers(conversation_id)))

    async def clear(self, conversation_id: str, *, asker: str = "") -> None:
        """Forget a conversation. One that is not there is no error; somebody else's is NotFound."""
        await self._own(conversation_id, asker)
        await self._store.delete(conversation_id)

    @property
    def default_collection(self) -> str:
        """The collection that is asked where none is named."""
        return self._default_collection

    @property
    def longest_question(self) -> int:
        """How many characters of a question are read."""
        return self._settings.max_question_chars

    @property
    def keep_days(self) -> float:
        """How long a conversation that is not continued is kept, in days."""
        return self._store.keep_days

    async def forget(self, asker: str, *, asked: Sequence[str] = ()) -> int:
        """Delete somebody's conversations; how many there were.

        Their part in other people's goes too: the answers `asked` by them, and their feedback.
        """
        return await self._store.forget(asker, asked)

    async def feedback(
        self, answer_id: str, verdict: Verdict, reason: str = "", *, asker: str | None = None, rater: str = ""
    ) -> None:
        """Keep what a reader thought of an answer, instead of what they thought before. `asker` None: anyone who saw it
        may; `rater`: who they are. Raises NotFound."""
        owner = await self._store.asker_of(answer_id)
        if owner is None or (asker is not None and owner != asker):
            raise NotFound("There is no such answer.", fix="Send the `answer_id` of an answer given here.")
        await self._store.rate(answer_id, verdict, reason.strip(), rater)

    async def _own(self, conversation_id: str, asker: str) -> bool:
        """Whether the conversation exists. Raises NotFound where it is somebody else's."""
        row = await self._store.find(conversation_id)
        if row is not None and row.asker != asker:
            raise _unknown_conversation()
        return row is not None

    def _recent(self, history: Sequence[Turn]) -> tuple[Turn, ...]:
        """As much of somebody else's history as of our own is read."""
        most, turns = self._settings.max_question_chars, self._settings.history_turns
        return tuple(Turn(turn.question[:most], turn.answer[:most]) for turn in history[-turns:]) if turns else ()

    def _checked(self, text: str) -> str:
        text, most = text.strip(), self._settings.max_question_chars
        if not text:
            raise InvalidRequest("There is no question.", fix="Send one as `question`.", code="question_empty")
        if len(text) > most:
            raise InvalidRequest(
                f"The question has {len(text)} characters; at most {most} are read.",
                fix="Shorten it, or raise ASKMESH_ANSWERING_MAX_QUESTION_CHARS.",
                code="question_too_long",
            )
        return text

    async def _kept(self, conversation_id: str, asker: str, question: Question, done: Done) -> str:
        try:
            return await self._store.save(conversation_id, asker, question, done)
        except SQLAlchemyError as error:
            # The answer is there: whoever asked gets it, even if a full disk means that it won't be remembered.
            log.error("answer_not_kept", exc_info=error)
            return ""


def _unknown_conversation() -> NotFound:
    return NotFound("There is no such conversation.", fix="Leave `conversation_id` out to begin a new one.")
