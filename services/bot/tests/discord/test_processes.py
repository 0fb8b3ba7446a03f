"""Several processes and their end: one connection, answers drained."""

import asyncio
import time

import pytest
from askmesh_bot.frontends.discord.status import State

from .conftest import staged, until
from .scripted import ANSWER, answered

pytestmark = pytest.mark.anyio


async def test_of_two_workers_one_connects_and_the_other_takes_over(tmp_path):
    async with staged(tmp_path) as stage:
        second = stage.restarted(tmp_path)
        await second.start()
        await until(lambda: second.status.state is State.STANDBY)
        await asyncio.sleep(0.3)
        assert stage.discord.gateway.received["identify"] == 1
        assert await second.check() is None
        began = time.monotonic()
        await stage.frontend.stop()
        await until(lambda: stage.discord.gateway.received["identify"] == 2)
        assert time.monotonic() - began < 2.0
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "How?"))
        await stage.answer_with("**Sources**", lambda: stage.messages(thread))
        await second.stop()


async def test_stopping_lets_an_answer_in_flight_end(tmp_path):
    async with staged(tmp_path) as stage:
        stage.assistant.script = lambda question: answered(ANSWER, pause_s=0.06)
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "How?"))
        interaction = await stage.ada.slash(stage.channel, "ask", question="How?")
        await until(lambda: stage.messages(thread) and interaction.response)
        await stage.frontend.stop()
        assert "**Sources**" in stage.messages(thread)[0]["content"]
        assert "**Sources**" in interaction.response["content"]
        assert stage.discord.gateway.live == []


async def test_an_answer_that_cannot_end_in_time_says_so(tmp_path):
    async with staged(tmp_path, drain_s=0.3) as stage:
        stage.assistant.script = lambda question: answered("word " * 200, pause_s=0.1)
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "How?"))
        await until(lambda: stage.messages(thread))
        await stage.frontend.stop()
        assert "I was restarted while answering" in stage.messages(thread)[0]["content"]


async def test_while_stopping_a_command_gets_a_word_and_no_answer(tmp_path):
    async with staged(tmp_path) as stage:
        stage.assistant.script = lambda question: answered(ANSWER, pause_s=0.08)
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "How?"))
        await until(lambda: stage.messages(thread))
        stopping = asyncio.create_task(stage.frontend.stop())
        await asyncio.sleep(0)
        interaction = await stage.ada.slash(stage.channel, "ask", question="How?")
        await until(lambda: interaction.response)
        assert "restarted" in interaction.response["content"]
        await stopping
    assert len(stage.assistant.questions) == 1
