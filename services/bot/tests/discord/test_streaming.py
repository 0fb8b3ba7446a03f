"""Answers that grow: edits paced for Discord, a model that never waits for them."""

import asyncio
from itertools import pairwise

import pytest
from askmesh_bot.answering.base import Done
from askmesh_bot.frontends.discord.destinations import ChannelPost
from askmesh_bot.frontends.discord.live_message import LiveMessage

from .conftest import staged, until
from .emulator import Fault
from .scripted import answered

pytestmark = pytest.mark.anyio

WORDS = " ".join(f"word{number}" for number in range(40)) + " [1]."


async def test_edits_of_a_message_keep_their_distance_and_show_the_answer_growing(tmp_path):
    async with staged(tmp_path, edit_interval_s=0.2) as stage:
        # The answer waits until its tenth and its twentieth word were shown, however long that takes.
        def shown(word):
            return any(word in content for edits in stage.discord.edits.values() for _, content in edits)

        stage.assistant.script = lambda question: answered(
            WORDS, pause_s=0.02, holds=lambda said: said in (10, 20) and not shown(f"word{said - 1}")
        )
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "How?"))
        message = await stage.answer_with("**Sources**", lambda: stage.messages(thread))
        edits = stage.discord.edits[message["id"]]
    times = [at for at, _ in edits]
    assert all(later - earlier >= 0.2 for earlier, later in pairwise(times))
    partial = [content for _, content in edits if "word" in content and "word39" not in content]
    assert len(partial) >= 2
    assert [len(content) for content in partial] == sorted(len(content) for content in partial)


async def test_the_model_does_not_wait_for_discord(tmp_path):
    async with staged(tmp_path) as stage:
        ended, released = [], asyncio.Event()
        stall = Fault("stall", method="PATCH", path="/messages/", released=released)

        async def script(question):
            # It goes on while an edit that was begun is not taken.
            async for event in answered(WORDS, pause_s=0.005, holds=lambda said: said == 10 and not stall.hits):
                if isinstance(event, Done):
                    ended.append(True)
                yield event

        stage.assistant.script = lambda question: script(question)
        stage.discord.faults.add(stall)
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "How?"))
        await until(lambda: ended)
        released.set()
        await stage.answer_with("**Sources**", lambda: stage.messages(thread))


async def test_the_status_is_shown_before_the_answer(tmp_path):
    async with staged(tmp_path) as stage:
        stage.assistant.script = lambda question: answered(
            WORDS, pause_s=0.01, holds=lambda said: not said and not stage.discord.edits
        )
        interaction = await stage.ada.slash(stage.channel, "ask", question="How?")
        await stage.answer_with("**Sources**", stage.messages)
        contents = [content for _, content in stage.discord.edits[interaction.response["id"]]]
    assert contents[0] == "> How?\n-# Searching…"
    assert contents[1].startswith("> How?\n-# Reading 2 passages") or "word" in contents[1]


class SlowPost:
    """Takes a while for every write, and keeps what it was given."""

    id = 1

    def __init__(self) -> None:
        self.contents: list[str] = []

    async def send(self, content: str, buttons=None) -> "SlowPost":
        self.contents.append(content)
        return self

    async def edit(self, content: str, buttons=None) -> None:
        self.contents.append(content)

    async def delete(self) -> None:
        self.contents.append("")

    async def typing(self) -> None: ...


async def test_of_many_texts_in_one_interval_the_last_is_written():
    post = SlowPost()
    async with LiveMessage(post, 0.05, lambda: None) as live:
        for number in range(100):
            live.show(f"text {number}")
        await until(lambda: post.contents)
        for number in range(100, 200):
            live.show(f"text {number}")
        await live.finish("the end")
    assert post.contents[0] == "text 99"
    assert post.contents[-1] == "the end"
    assert len(post.contents) <= 3


class LimitedMessage:
    """A message of Discord's whose first edit waits for a rate limit."""

    id, channel = 1, None

    def __init__(self) -> None:
        self.over, self.begun, self.contents = asyncio.Event(), 0, []

    async def edit(self, content, **_) -> None:
        self.begun += 1
        if self.begun == 1:
            await self.over.wait()
        self.contents.append(content)


async def test_an_edit_that_was_given_up_does_not_come_to_stand_for_a_later_one():
    message = LimitedMessage()
    post = ChannelPost(message, 0.05)
    for content in ("old", "newer", "newest"):
        with pytest.raises(TimeoutError):
            await post.edit(content)
    message.over.set()
    await until(lambda: len(message.contents) == 3)
    assert message.contents == ["old", "newer", "newest"]


async def test_messages_that_a_shorter_text_no_longer_needs_are_deleted():
    post = SlowPost()
    async with LiveMessage(post, 0.01, lambda: None) as live:
        live.show("word " * 500)
        await until(lambda: len(post.contents) == 2)
        await live.finish("short")
    assert post.contents[-2:] == ["short", ""]
