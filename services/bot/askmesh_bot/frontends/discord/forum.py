"""Answers forum posts that nobody asked it to, where a server's admins wanted that: once, late enough, and humbly."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence

import discord
from askmesh_kit.logs import get_logger

from askmesh_bot.frontends.discord.answerer import Answerer, Asked
from askmesh_bot.frontends.discord.clock import DiscordClock
from askmesh_bot.frontends.discord.destinations import ChannelDestination
from askmesh_bot.frontends.discord.ending import end
from askmesh_bot.frontends.discord.holds import Held, Holds
from askmesh_bot.frontends.discord.humans import Humans
from askmesh_bot.frontends.discord.limits import Limits
from askmesh_bot.frontends.discord.rest import bounded
from askmesh_bot.frontends.discord.rules import Rules, Terms
from askmesh_bot.frontends.discord.settings import DiscordSettings
from askmesh_bot.frontends.discord.staff import acts_for_staff, is_staff

log = get_logger("askmesh.discord.forum")

_MOST_WAITING = 500
_MOST_READ = 50
# People whose roles are looked up for one post.
_MOST_ASKED = 5


class ForumWatch:
    """Waits until a post's author has been silent for a while, and answers what they wrote, unless staff wrote first or
    the post is solved, locked or closed by then. Needs the message content intent: without it nothing is answered."""

    def __init__(
        self,
        answerer: Answerer,
        rules: Rules,
        limits: Limits,
        humans: Humans,
        holds: Holds,
        clock: DiscordClock,
        settings: DiscordSettings,
    ) -> None:
        self._holds, self._clock = holds, clock
        self._answerer, self._rules, self._limits, self._humans = answerer, rules, limits, humans
        self._settings = settings
        self._solved = frozenset(tag.strip().casefold() for tag in settings.solved_tags.split(","))
        self._waiting: dict[int, asyncio.Task[None]] = {}

    def opened(self, post: discord.Thread) -> None:
        """A thread that was just created."""
        if self._concerns(post) and len(self._waiting) < _MOST_WAITING:
            self._wait_for(post)

    async def saw(self, message: discord.Message) -> None:
        """A message anywhere: its author goes on, or staff are there, or it is none of our business."""
        if message.channel.id not in self._waiting or not isinstance(message.channel, discord.Thread):
            return
        post = message.channel
        if message.author.id == post.owner_id:
            self._wait_for(post)
        elif is_staff(message, self._rules.config(message.guild), post.owner_id):
            self._drop(post.id)
            await self._answerer.journal.take(post.id)

    def pick_up(self, client: discord.Client) -> None:
        """After a new session: posts that were written meanwhile, and not too long ago."""
        if not self._settings.message_content:
            return
        # A post that waits was opened through a client that may be gone.
        for post in _posts(client):
            if post.id in self._waiting or self._recent(post):
                self.opened(post)

    async def close(self) -> None:
        await end(*self._waiting.values())
        self._waiting.clear()

    def _concerns(self, post: discord.Thread) -> bool:
        config = self._rules.config(post.guild)
        return (
            self._settings.message_content
            and isinstance(post.parent, discord.ForumChannel)
            and post.parent_id in config.forums
            and not self._settled(post)
        )

    def _settled(self, post: discord.Thread) -> bool:
        """Whether nobody waits for an answer any more."""
        return post.locked or post.archived or any(tag.name.casefold() in self._solved for tag in post.applied_tags)

    def _recent(self, post: discord.Thread) -> bool:
        return post.id > self._clock.since(self._settings.catch_up_s)

    def _wait_for(self, post: discord.Thread) -> None:
        self._drop(post.id)
        self._waiting[post.id] = asyncio.create_task(self._answer_later(post))

    def _drop(self, post_id: int) -> None:
        if task := self._waiting.pop(post_id, None):
            task.cancel()

    async def _answer_later(self, post: discord.Thread) -> None:
        await asyncio.sleep(self._settings.forum_wait_s)
        # From here on, what people write no longer puts it off.
        del self._waiting[post.id]
        try:
            await self._answer(post)
        except (discord.HTTPException, OSError, TimeoutError) as error:
            log.warning("post_not_answered", post=post.id, error=str(error))
        except Exception:
            log.exception("post_broke", post=post.id)

    async def answer_again(self, post: discord.Thread, held: Held) -> bool:
        """Answer a post that a process took which was killed; whether it could be, and still is to be."""
        return await self._answer(post, held)

    async def _answer(self, post: discord.Thread, again: Held | None = None) -> bool:
        if not self._answerer.tracker.accepting or not self._concerns(post):
            return False
        history = post.history(limit=_MOST_READ, oldest_first=True)
        written = await bounded(_all(history), self._settings.rest_deadline_s)
        own = [message for message in written if message.author.id == post.owner_id and not message.author.bot]
        terms = self._rules.of_channel(post.guild, post, post.guild.preferred_locale)
        if not own or self._rules.closed(post.guild.id, post, terms.language):
            return False
        if await self._staff_wrote(post, written):
            return False
        question = _question(post.name, own, self._answerer.conversations.longest_question)
        if again is not None:
            await self._write(post, question, terms, again)
            return True
        held = await self._holds.take(post.id, "post", post.id, terms.language)
        if held is None:
            return False
        async with held:
            if self._limits.refusal(post.owner_id, post.guild.id, terms.language, paced=False):
                log.info("post_over_budget", post=post.id)
                return False
            await self._write(post, question, terms, held)
        return True

    async def _write(self, post: discord.Thread, question: str, terms: Terms, held: Held) -> None:
        destination = ChannelDestination(post, self._settings.rest_deadline_s, nonce=f"{post.id}-0")
        asked = Asked(question, post.owner_id, place_id=post.id, terms=terms, held=held)
        told = await self._answerer.answer(asked, destination)
        if told.outcome == "abstained":
            await self._humans.call(post.guild, post, terms.language)

    async def _staff_wrote(self, post: discord.Thread, written: Sequence[discord.Message]) -> bool:
        """Whether staff were there first. History does not tell people's roles, so they are asked for."""
        others = dict.fromkeys(m.author.id for m in written if not m.author.bot and m.author.id != post.owner_id)
        config = self._rules.config(post.guild)
        for user_id in list(others)[:_MOST_ASKED]:
            try:
                member = await bounded(post.guild.fetch_member(user_id), self._settings.rest_deadline_s)
            except discord.NotFound:
                continue
            if acts_for_staff(member, post, config):
                return True
        return False


async def _all(history: AsyncIterator[discord.Message]) -> list[discord.Message]:
    return [message async for message in history]


def _posts(client: discord.Client) -> Iterator[discord.Thread]:
    for guild in client.guilds:
        yield from (thread for thread in guild.threads if isinstance(thread.parent, discord.ForumChannel))


def _question(title: str, own: Sequence[discord.Message], most: int) -> str:
    """The title and what the author wrote so far, cut to what is read."""
    words = [title.strip(), *(message.clean_content.strip() for message in own)]
    return "\n\n".join(word for word in words if word)[:most].strip()
