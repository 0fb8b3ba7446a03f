"""Answers whose process was killed: another one gives them, in the messages that the first one left."""

import asyncio
from datetime import timedelta

import discord
from askmesh_kit.logs import get_logger
from sqlalchemy.exc import SQLAlchemyError

from askmesh_bot.database.models import now
from askmesh_bot.frontends.discord.destinations import ChannelDestination, ChannelPost, Post
from askmesh_bot.frontends.discord.ending import end
from askmesh_bot.frontends.discord.forum import ForumWatch
from askmesh_bot.frontends.discord.holds import SILENT_S, Held, Holds, Orphan
from askmesh_bot.frontends.discord.mentions import MentionHandler
from askmesh_bot.frontends.discord.metrics import DiscordMetrics
from askmesh_bot.frontends.discord.rest import bounded, is_gone
from askmesh_bot.frontends.discord.status import State, Status
from askmesh_bot.frontends.discord.texts import say
from askmesh_bot.frontends.discord.tracker import Tracker

log = get_logger("askmesh.discord.orphans")

# Further tries after the first one that did not end: a question that kills processes must not go on doing so.
_MOST_AGAIN = 2
_AT_ONCE = 2


class Orphans:
    """Whoever leads looks for answers in flight that nobody keeps alive any more."""

    def __init__(
        self,
        holds: Holds,
        handler: MentionHandler,
        forum: ForumWatch,
        tracker: Tracker,
        metrics: DiscordMetrics,
        age_s: float,
        deadline_s: float,
    ) -> None:
        self._holds, self._handler, self._forum, self._tracker = holds, handler, forum, tracker
        self._metrics, self._age_s, self._deadline_s = metrics, age_s, deadline_s
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def run(self, client: discord.Client, status: Status) -> None:
        """Compares the rows with those of a while ago, while a client lives. Runs until cancelled."""
        before: dict[int, tuple[str, int]] = {}
        while True:
            try:
                found = await self._holds.orphans()
            except SQLAlchemyError as error:
                log.warning("orphans_not_read", error=type(error).__name__)
                found = []
            for orphan in found:
                silent = before.get(orphan.message_id) == (orphan.owner, orphan.beat)
                if silent and status.state is State.READY and orphan.message_id not in self._tasks:
                    self._begin(client, orphan)
            before = {orphan.message_id: (orphan.owner, orphan.beat) for orphan in found}
            await asyncio.sleep(SILENT_S)

    async def close(self) -> None:
        """End what is not yet being answered; answers go on like all others."""
        answering = self._tracker.tasks()
        await end(*(task for task in self._tasks.values() if task not in answering))

    def _begin(self, client: discord.Client, orphan: Orphan) -> None:
        task = asyncio.create_task(self._take_over(client, orphan))
        self._tasks[orphan.message_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(orphan.message_id, None))

    async def _take_over(self, client: discord.Client, orphan: Orphan) -> None:
        try:
            async with self._turns:
                held = await self._holds.take_over(orphan) if self._tracker.accepting else None
                if held is not None:
                    log.info("answer_resumed", message=orphan.message_id, again=held.again)
                    async with held:
                        await self._end(client, orphan, held)
        except Exception:
            log.exception("orphan_broke", message=orphan.message_id)

    async def _end(self, client: discord.Client, orphan: Orphan, held: Held) -> None:
        held.posts = [self._post(client, *place) for place in held.shown]
        recent = now() - orphan.at < timedelta(seconds=self._age_s)
        if recent and held.again <= _MOST_AGAIN and await self._answer(client, orphan, held):
            self._metrics.caught_up.inc()
            return
        # A question that is gone, or was answered by staff, gets no word where there was none.
        aloud = recent and (orphan.kind == "interaction" or held.again > _MOST_AGAIN)
        await self._apologise(client, orphan, held, aloud=aloud)

    async def _answer(self, client: discord.Client, orphan: Orphan, held: Held) -> bool:
        """Whether the question could be found and answered. What an interaction asked is not written anywhere."""
        if orphan.kind == "interaction" or client.user is None:
            return False
        try:
            channel = await self._channel(client, orphan.channel_id)
            if orphan.kind == "post":
                return isinstance(channel, discord.Thread) and await self._forum.answer_again(channel, held)
            if not isinstance(channel, discord.abc.Messageable):
                return False
            message = await bounded(channel.fetch_message(orphan.message_id), self._deadline_s)
            return await self._handler.answer_again(message, client.user, held)
        except (discord.HTTPException, OSError, TimeoutError) as error:
            log.warning("question_not_found", message=orphan.message_id, error=str(error))
        except Exception:
            log.exception("orphan_broke", message=orphan.message_id)
        return False

    async def _channel(self, client: discord.Client, channel_id: int) -> object:
        return client.get_channel(channel_id) or await bounded(client.fetch_channel(channel_id), self._deadline_s)

    async def _apologise(self, client: discord.Client, orphan: Orphan, held: Held, *, aloud: bool) -> None:
        """In the message that was left; where there is none, and it is to be said `aloud`, in the channel."""
        text = say("interrupted", orphan.language)
        try:
            # What was shown last: this try may have begun as well.
            if posts := [self._post(client, *place) for place in held.shown]:
                await posts[0].edit(text)
                for post in posts[1:]:
                    await post.delete()
            elif aloud:
                channel = client.get_partial_messageable(orphan.channel_id)
                await ChannelDestination(channel, self._deadline_s, nonce=f"{orphan.message_id}-0").send(text)
        except (discord.HTTPException, OSError, TimeoutError) as error:
            log.info("apology_refused", message=orphan.message_id, gone=is_gone(error), error=str(error))

    def _post(self, client: discord.Client, channel_id: int, message_id: int) -> Post:
        channel = client.get_partial_messageable(channel_id)
        return ChannelPost(channel.get_partial_message(message_id), self._deadline_s)
