"""A thread as Discord has it now, or a question with the replies to it: what people wrote, and whether it may be cited."""

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
_Place = discord.TextChannel | discord.Thread

_SAID = {discord.MessageType.default, discord.MessageType.reply}
# Marked replies looked at in one thread, and people who marked one.
_MOST_MARKED, _MOST_MARKS = 5, 10
_PAGE = 100
# Messages of a channel among which the replies to a question are looked for, from it on; later ones are asked for one by
# one, where they were heard of. How many replies to replies lead up to a question.
_MOST_BETWEEN, _MOST_LATER, _HIGHEST = 1_000, 30, 50


class OptOuts(Protocol):
    """Tells who wants nothing kept."""

    async def opted_out(self, user_ids: Collection[int]) -> set[int]: ...


@dataclass(frozen=True)
class Read:
    """What is to be learned of a thread, and whose words that are. `replies`: its messages, where it is no thread of
    Discord's."""

    thread: Thread
    because: Because
    authors: frozenset[int]
    replies: tuple[int, ...] = ()


class ThreadReader:
    """Reads whole threads, their first `live_messages` messages. Every method raises discord.HTTPException, OSError and
    TimeoutError."""

    def __init__(self, opt_outs: OptOuts, settings: DiscordSettings) -> None:
        self._opt_outs, self._settings, self._deadline_s = opt_outs, settings, settings.rest_deadline_s
        self._solved = frozenset(tag.strip().casefold() for tag in settings.solved_tags.split(","))
        self._mark = settings.accept_emoji.replace("\ufe0f", "")

    async def read(self, thread: discord.Thread, before: Because, config: GuildConfig) -> Read | None:
        """None where nothing may be cited: no question any more, or not solved. `before`: why it could be so far."""
        written = await self._messages(thread, 0, self._settings.live_messages)
        question = await self._question(thread, written)
        if question is None:
            return None
        replies = [message for message in written if message.id != question.id]
        said = await self._said(question, replies)
        accepted = await self._accepted(thread, said[1:], question.author.id, config)
        because = self._because(thread, said, accepted, before) if said else ""
        return _read(said, because, accepted, thread, thread.parent_id) if because else None

    def is_marked(self, message: discord.Message) -> bool:
        """Whether a message is a reply that somebody marked as the answer."""
        return _replied_to(message) is not None and any(map(self._is_mark, message.reactions))

    def _is_mark(self, reaction: discord.Reaction) -> bool:
        return bool(self._mark) and str(reaction.emoji).replace("\ufe0f", "") == self._mark

    async def question_of(self, channel: discord.TextChannel, message_id: int) -> discord.Message | None:
        """What a message in a channel replies to in the end; itself where it replies to nothing. None where that is gone,
        or goes on in a thread."""
        try:
            message = await bounded(channel.fetch_message(message_id), self._deadline_s)
            for _ in range(_HIGHEST):
                if not (replied := _replied_to(message)):
                    return None if message.flags.has_thread else message
                message = await bounded(channel.fetch_message(replied), self._deadline_s)
        except discord.NotFound:
            pass
        return None

    async def read_replies(
        self, channel: discord.TextChannel, question: discord.Message, heard: Sequence[int], config: GuildConfig
    ) -> Read | None:
        """A question of a channel with the replies to it, and to those; None where none was accepted. `heard`: messages that
        are known to be such replies."""
        most = min(_MOST_BETWEEN, self._settings.live_messages)
        later = await self._messages(channel, question.id, most)
        newest = later[-1].id if later else question.id
        later += [m for one in heard if one > newest if (m := await self._fetch(channel, one))][-_MOST_LATER:]
        replies, known = list[discord.Message](), {question.id}
        for message in later:
            if _replied_to(message) in known:
                known.add(message.id)
                replies.append(message)
        said = await self._said(question, replies)
        accepted = await self._accepted(channel, said[1:], question.author.id, config)
        return _read(said, "accepted", accepted, None, channel.id) if accepted else None

    async def _messages(self, place: discord.abc.Messageable, after: int, most: int) -> list[discord.Message]:
        """The messages after one, oldest first. Page by page: no call may take long, all of them together may."""
        found: list[discord.Message] = []
        while len(found) < most:
            count = min(_PAGE, most - len(found))
            history = place.history(limit=count, after=discord.Object(after), oldest_first=True)
            page = await bounded(everything(history), self._deadline_s)
            found += page
            if len(page) < count:
                break
            after = page[-1].id
        return found

    async def _fetch(self, channel: discord.TextChannel, message_id: int) -> discord.Message | None:
        try:
            return await bounded(channel.fetch_message(message_id), self._deadline_s)
        except discord.NotFound:
            return None

    async def _said(self, question: discord.Message, replies: Sequence[discord.Message]) -> list[discord.Message]:
        """What people said and let be kept, the question first; nothing where that is not to be learned."""
        said = [question, *(message for message in replies if message.type in _SAID and _by_person(message))]
        out = await self._opt_outs.opted_out(list({message.author.id for message in said}))
        if not _by_person(question) or question.author.id in out:
            return []
        return [message for message in said if message.author.id not in out]

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
        self, place: _Place, replies: Sequence[discord.Message], asker_id: int, config: GuildConfig
    ) -> set[int]:
        """The replies that whoever asked, or staff, marked as the answer."""
        marked = [(m, r) for m in replies for r in m.reactions if self._is_mark(r)]
        found: set[int] = set()
        for message, reaction in marked[:_MOST_MARKED]:
            by = [user.id for user in await bounded(everything(reaction.users(limit=_MOST_MARKS)), self._deadline_s)]
            if asker_id in by or await self._staff_among(place, by, config):
                found.add(message.id)
        return found

    async def _staff_among(self, place: _Place, user_ids: Sequence[int], config: GuildConfig) -> bool:
        for user_id in user_ids:
            try:
                member = await bounded(place.guild.fetch_member(user_id), self._deadline_s)
            except discord.NotFound:
                continue
            if not member.bot and acts_for_staff(member, place, config):
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


def _read(
    said: Sequence[discord.Message],
    because: Because,
    accepted: set[int],
    thread: discord.Thread | None,
    channel_id: int,
) -> Read:
    turns = tuple(_turn(message, accepted=message.id in accepted) for message in said)
    told = Thread(
        str(thread.id if thread else said[0].id),
        turns,
        title=thread.name if thread else "",
        url=thread.jump_url if thread else said[0].jump_url,
        audience=(f"channel:{channel_id}",),
    )
    replies = () if thread else tuple(message.id for message in said[1:])
    return Read(told, because, frozenset(message.author.id for message in said), replies)


def _replied_to(message: discord.Message) -> int | None:
    """The message of the same channel that one replies to."""
    told = message.reference
    if message.type is not discord.MessageType.reply or told is None or told.channel_id != message.channel.id:
        return None
    return told.message_id


async def everything(found: AsyncIterator[T]) -> list[T]:
    """All of it."""
    return [item async for item in found]


def _by_person(message: discord.Message) -> bool:
    return not message.author.bot and message.webhook_id is None


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
