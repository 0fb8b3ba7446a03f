"""A thread as Discord has it now: what people wrote there, and whether it may be cited."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import discord

from askmesh_bot.frontends.discord.config.base import GuildConfig
from askmesh_bot.frontends.discord.live.base import Because
from askmesh_bot.frontends.discord.rest import bounded
from askmesh_bot.frontends.discord.settings import DiscordSettings
from askmesh_bot.frontends.discord.staff import acts_for_staff
from askmesh_bot.knowledge.threads.base import Message, Thread

T = TypeVar("T")

_SAID = {discord.MessageType.default, discord.MessageType.reply}
# Marked replies looked at in one thread, and people who marked one.
_MOST_MARKED, _MOST_MARKS = 5, 10


class OptOuts(Protocol):
    """Tells who wants nothing kept."""

    async def opted_out(self, user_ids: Collection[int]) -> set[int]: ...


@dataclass(frozen=True)
class Read:
    """What is to be learned of a thread, and whose words that are."""

    thread: Thread
    because: Because
    authors: frozenset[int]


class ThreadReader:
    """Reads whole threads, their first `live_messages` messages."""

    def __init__(self, opt_outs: OptOuts, settings: DiscordSettings) -> None:
        self._opt_outs, self._settings, self._deadline_s = opt_outs, settings, settings.rest_deadline_s
        self._solved = frozenset(tag.strip().casefold() for tag in settings.solved_tags.split(","))
        self._mark = settings.accept_emoji.replace("\ufe0f", "")

    async def read(self, thread: discord.Thread, before: Because, config: GuildConfig) -> Read | None:
        """None where nothing may be cited: no question any more, or not solved. `before`: why it could be so far.

        Raises discord.HTTPException, OSError and TimeoutError.
        """
        history = thread.history(limit=self._settings.live_messages, oldest_first=True)
        written = await bounded(_all(history), self._deadline_s)
        question = await self._question(thread, written)
        if question is None or not _by_person(question):
            return None
        said = [question, *(m for m in written if m.type in _SAID and _by_person(m) and m.id != question.id)]
        out = await self._opt_outs.opted_out(list({message.author.id for message in said}))
        if question.author.id in out:
            return None
        said = [message for message in said if message.author.id not in out]
        accepted = await self._accepted(thread, said[1:], question.author.id, config)
        because = self._because(thread, said, accepted, before)
        if not because:
            return None
        turns = tuple(_turn(message, accepted=message.id in accepted) for message in said)
        audience = (f"channel:{thread.parent_id}",)
        told = Thread(str(thread.id), turns, title=thread.name, url=thread.jump_url, audience=audience)
        return Read(told, because, frozenset(message.author.id for message in said))

    async def _question(self, thread: discord.Thread, written: Sequence[discord.Message]) -> discord.Message | None:
        """What the thread is about; None where it was deleted."""
        for message in written:
            if message.id == thread.id:
                return message
        on_message = any(message.type is discord.MessageType.thread_starter_message for message in written)
        if isinstance(thread.parent, discord.ForumChannel):
            return None
        if isinstance(thread.parent, discord.TextChannel):
            try:
                return await bounded(thread.parent.fetch_message(thread.id), self._deadline_s)
            except discord.NotFound:
                if on_message:
                    return None
        # A thread of its own, begun without a message.
        first = next((message for message in written if message.type in _SAID), None)
        return first if first is not None and first.author.id == thread.owner_id else None

    async def _accepted(
        self, thread: discord.Thread, replies: Sequence[discord.Message], asker_id: int, config: GuildConfig
    ) -> set[int]:
        """The replies that whoever asked, or staff, marked as the answer."""
        marked = [(m, r) for m in replies for r in m.reactions if self._mark and _emoji(r) == self._mark]
        found: set[int] = set()
        for message, reaction in marked[:_MOST_MARKED]:
            by = [user.id for user in await bounded(_all(reaction.users(limit=_MOST_MARKS)), self._deadline_s)]
            if asker_id in by or await self._staff_among(thread, by, config):
                found.add(message.id)
        return found

    async def _staff_among(self, thread: discord.Thread, user_ids: Sequence[int], config: GuildConfig) -> bool:
        for user_id in user_ids:
            try:
                member = await bounded(thread.guild.fetch_member(user_id), self._deadline_s)
            except discord.NotFound:
                continue
            if not member.bot and acts_for_staff(member, thread, config):
                return True
        return False

    def _because(
        self, thread: discord.Thread, said: Sequence[discord.Message], accepted: set[int], before: Because
    ) -> Because:
        asker_id = said[0].author.id
        if any(tag.name.casefold() in self._solved for tag in thread.applied_tags):
            return "solved"
        if accepted:
            return "accepted"
        answered = any(message.author.id != asker_id for message in said)
        # Who writes on in a thread that was closed does not take away what stood there.
        return "closed" if answered and (thread.archived or thread.locked or before == "closed") else ""


async def _all(found: AsyncIterator[T]) -> list[T]:
    return [item async for item in found]


def _by_person(message: discord.Message) -> bool:
    return not message.author.bot and message.webhook_id is None


def _emoji(reaction: discord.Reaction) -> str:
    return str(reaction.emoji).replace("\ufe0f", "")


def _turn(message: discord.Message, *, accepted: bool) -> Message:
    return Message(
        id=str(message.id),
        author=message.author.display_name,
        text=message.clean_content,
        sent_at=message.created_at,
        edited_at=message.edited_at,
        url=message.jump_url,
        accepted=accepted,
    )
