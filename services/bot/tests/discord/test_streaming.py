"""Answers that grow: edits paced for Discord, a model that never waits for them."""

import time
from itertools import pairwise

import pytest
from askmesh_bot.answering.base import Done
from askmesh_bot.frontends.discord.live_message import LiveMessage

from .conftest import staged, until
from .emulator import Fault
from .scripted import answered

pytestmark = pytest.mark.anyio

WORDS = " ".join(f"word{number}" for number in range(40)) + " [1]."


async def test_edits_of_a_message_keep_their_distance_and_show_the_answer_growing(tmp_path):
    async with staged(tmp_path, edit_interval_s=0.2) as stage:
        stage.assistant.script = lambda question: answered(WORDS, pause_s=0.02)
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
        ended = []

        async def script(question):
            async for event in answered(WORDS, pause_s=0.005):
                if isinstance(event, Done):
                    ended.append(time.monotonic())
                yield event

        stage.assistant.script = lambda question: script(question)
        stage.discord.faults.add(Fault("stall", method="PATCH", path="/messages/", seconds=0.8))
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "How?"))
        began = time.monotonic()
        await until(lambda: ended)
        assert ended[0] - began < 0.7
        await stage.answer_with("**Sources**", lambda: stage.messages(thread))


async def test_the_status_is_shown_before_the_answer(tmp_path):
    async with staged(tmp_path) as stage:
        stage.assistant.script = lambda question: answered(WORDS, pause_s=0.01)
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


async def test_messages_that_a_shorter_text_no_longer_needs_are_deleted():
    post = SlowPost()
    async with LiveMessage(post, 0.01, lambda: None) as live:
        live.show("word " * 500)
        await until(lambda: len(post.contents) == 2)
        await live.finish("short")
    assert post.contents[-2:] == ["short", ""]
