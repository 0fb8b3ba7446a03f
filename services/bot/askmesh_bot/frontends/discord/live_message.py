"""One answer, shown as it grows. Whoever writes it never waits for Discord: the last text given wins."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self

from askmesh_kit.logs import get_logger

from askmesh_bot.frontends.discord.destinations import Buttons, Destination, Post
from askmesh_bot.frontends.discord.ending import end
from askmesh_bot.frontends.discord.rest import is_gone, may_pass
from askmesh_bot.frontends.discord.splitting import LIMIT, messages

log = get_logger("askmesh.discord.live_message")

_TYPING_EVERY_S = 8.0
# Left free in each message for the line that says later that a source has changed.
MARK_ROOM = 160
_FINAL_TRIES = 4


class Undeliverable(Exception):
    """The final text could not be written anywhere."""


class LiveMessage:
    """`show` replaces the text shown; `finish` returns once the final text stands. Long text takes several messages.

    Each message is edited at most once per `interval_s`, however fast the text changes.
    """

    def __init__(
        self,
        destination: Destination,
        interval_s: float,
        on_edit: Callable[[], None],
        posts: Sequence[Post] = (),
        on_posts: Callable[[Sequence[tuple[int, int]]], Awaitable[None]] | None = None,
        current: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        """`posts`: messages that an earlier try has left, to be used first. `on_posts`: told `written` when that changes.
        `current`: whether this answer is still ours to write."""
        self._destination, self._interval_s, self._on_edit = destination, interval_s, on_edit
        self._buttons: Buttons = None
        self._text, self._final = "", False
        self._changed = asyncio.Event()
        self._posts: list[tuple[Post, tuple[str, Buttons]]] = [(post, ("", None)) for post in posts]
        self._on_posts, self._current = on_posts, current
        self._not_before = 0.0
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._type())]
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await end(*self._tasks)

    @property
    def ids(self) -> list[int]:
        """The ids of the messages written so far."""
        return [message_id for _, message_id in self.written]

    @property
    def written(self) -> list[tuple[int, int]]:
        """The channel and the id of each message written so far."""
        posts = [post for post, _ in self._posts]
        return [(post.channel_id, post.id) for post in posts if post.id is not None and post.channel_id is not None]

    @property
    def gone(self) -> bool:
        """Whether the message or its place was deleted: nobody waits for this answer any more."""
        return bool(self._tasks) and self._tasks[0].done() and not self._final

    def show(self, text: str) -> None:
        """Replace the text; it is written when the interval allows. Never blocks."""
        self._text = text
        self._changed.set()

    async def finish(self, text: str, buttons: Buttons = None) -> None:
        """Write the final text, with `buttons` below it. Raises Undeliverable."""
        self._final, self._buttons = True, buttons
        self.show(text)
        self._tasks[1].cancel()
        # Shielded: a cancelled answer still wants its last words written.
        await asyncio.shield(self._tasks[0])

    async def _write(self) -> None:
        tries = 0
        while True:
            await self._changed.wait()
            await asyncio.sleep(self._not_before - asyncio.get_running_loop().time())
            self._changed.clear()
            final = self._final
            if self._current is not None and not await self._current():
                return
            try:
                await self._put(self._text)
            except Exception as error:
                tries += 1
                if is_gone(error) and not final:
                    return
                if final and (tries >= _FINAL_TRIES or not may_pass(error)):
                    raise Undeliverable(str(error)) from error
                log.warning("write_failed", error=f"{type(error).__name__}: {error}", final=final)
                self._changed.set()
                self._pause(max(1.0, self._interval_s) * tries)
                continue
            tries = 0
            self._pause(self._interval_s)
            if final:
                return

    def _pause(self, seconds: float) -> None:
        self._not_before = asyncio.get_running_loop().time() + seconds

    async def _put(self, text: str) -> None:
        contents = messages(text, LIMIT - MARK_ROOM)
        for index, content in enumerate(contents):
            shown = content, self._buttons if index == len(contents) - 1 else None
            if index == len(self._posts):
                self._posts.append((await self._destination.send(*shown), shown))
                await self._tell_posts()
            elif self._posts[index][1] != shown:
                post, _ = self._posts[index]
                await post.edit(*shown)
                self._on_edit()
                self._posts[index] = (post, shown)
        while len(self._posts) > max(1, len(contents)):
            post, _ = self._posts.pop()
            await post.delete()
            await self._tell_posts()

    async def _tell_posts(self) -> None:
        if self._on_posts is not None:
            await self._on_posts(self.written)

    async def _type(self) -> None:
        """Keeps the typing indicator on; that it fails is nobody's loss."""
        while True:
            with contextlib.suppress(Exception):
                await self._destination.typing()
            await asyncio.sleep(_TYPING_EVERY_S)
