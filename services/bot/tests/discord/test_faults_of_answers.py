"""The rows of what kills Discord bots that concern a single answer, command or handler; the others are in
`test_fault_table.py`."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from askmesh_bot.database.engine import Database
from askmesh_bot.frontends.discord import asking
from askmesh_bot.frontends.discord.mentions import MentionHandler
from askmesh_bot.frontends.discord.presence import Presence

from .conftest import staged, until
from .emulator import Fault
from .scripted import ANSWER, answered
from .test_fault_table import fresh_client, questions_around, thread_of, words_in

pytestmark = pytest.mark.anyio


async def asked_by_command(stage, question="Meanwhile?", **options):
    return await stage.ada.slash(stage.channel, "ask", question=question, **options)


async def finished(stage):
    """The bot's messages in the channel that hold a finished answer, when nothing is written any more."""
    await stage.answer_with("**Sources**", stage.messages)
    await until(lambda: not stage.frontend.busy)
    return [message for message in stage.messages() if "**Sources**" in message["content"]]


async def test_acknowledged_too_late_the_answer_comes_as_a_message(tmp_path):
    async with staged(tmp_path) as stage:
        stage.discord.world.interaction_ack_s = -1.0  # every callback: 10062
        await asked_by_command(stage)
        assert len(await finished(stage)) == 1
    assert len(stage.assistant.questions) == 1


@pytest.mark.parametrize("kind", ["status", "reset_before", "reset_after"])
async def test_an_acknowledgement_that_is_lost_is_made_again_and_the_answer_comes_once(tmp_path, kind):
    async with staged(tmp_path) as stage:
        fault = stage.discord.faults.add(Fault(kind, method="POST", path="/callback"))
        click = await asked_by_command(stage)
        (message,) = await finished(stage)
        assert fault.hits == 1
        assert message["id"] == click.response["id"]
    assert len(stage.assistant.questions) == 1


@pytest.mark.parametrize("stalls_s", [1, 90])
async def test_after_an_acknowledgement_that_arrives_late_or_never_the_answer_comes_as_a_message(
    tmp_path, monkeypatch, stalls_s
):
    async with staged(tmp_path) as stage:
        # One that Discord does not take any more, and one that the bot does not wait for any longer.
        stage.discord.world.interaction_ack_s = 0.5 if stalls_s == 1 else 60.0
        monkeypatch.setattr(asking, "_PATIENCE_S", 60.0 if stalls_s == 1 else 0.5)
        fault = stage.discord.faults.add(Fault("stall", method="POST", path="/callback", seconds=stalls_s))
        click = await asked_by_command(stage)
        assert len(await finished(stage)) == 1
        assert fault.hits == 1
        assert click.response is None
    assert len(stage.assistant.questions) == 1


async def test_a_command_that_can_not_be_acknowledged_is_answered_in_the_channel(tmp_path, monkeypatch):
    monkeypatch.setattr(asking, "_PATIENCE_S", 1.0)
    async with staged(tmp_path) as stage:
        stage.discord.faults.add(Fault("status", method="POST", path="/callback", times=9))
        await asked_by_command(stage)
        assert len(await finished(stage)) == 1
    assert len(stage.assistant.questions) == 1


async def test_a_command_is_acknowledged_before_anything_slow_is_done(tmp_path, monkeypatch):
    def slow(method):
        @asynccontextmanager
        async def slowly(self):
            while not all(click.acknowledged for click in stage.discord.interactions.by_id.values()):
                await asyncio.sleep(0.02)
            async with method(self) as session:
                yield session

        return slowly

    async with staged(tmp_path) as stage:
        with monkeypatch.context() as busy:
            busy.setattr(Database, "read", slow(Database.read))
            busy.setattr(Database, "write", slow(Database.write))
            click = await asked_by_command(stage)
            await until(lambda: click.ack_s is not None)
        assert len(await finished(stage)) == 1


async def test_a_token_that_gets_too_old_is_replaced_by_a_message(tmp_path):
    async with staged(tmp_path) as stage:
        stage.discord.world.interaction_token_s = 0.5
        stage.assistant.script = lambda question: answered(ANSWER, pause_s=0.1)
        click = await asked_by_command(stage)
        (message,) = await finished(stage)
        assert message["id"] != click.response["id"]
    assert len(stage.assistant.questions) == 1


async def test_more_than_a_message_holds_takes_several(tmp_path):
    async with staged(tmp_path) as stage:
        stage.assistant.script = lambda question: answered("All of these words. " * 300)
        thread = await thread_of(stage, "How?")
        await words_in(stage, thread, "**Sources**")
        await until(lambda: not stage.frontend.busy)
        contents = [message["content"] for message in stage.messages(thread)]
        assert sum(content.count("All of these words.") for content in contents) in range(297, 301)
        assert len(contents) == 4
        assert not [request for request in stage.discord.requests if request.status == 400]


async def test_a_follow_up_whose_response_is_lost_is_made_once(tmp_path):
    async with staged(tmp_path) as stage:
        stage.assistant.script = lambda question: answered("All of these words. " * 150)
        fault = stage.discord.faults.add(Fault("reset_after", method="POST", path=r"/webhooks/\d+/[^/]+$"))
        await asked_by_command(stage)
        await finished(stage)
        assert fault.hits == 1
        assert sum(message["content"].count("All of these words.") for message in stage.messages()) in range(147, 151)


async def test_a_handler_that_breaks_apologises_and_the_next_question_is_answered(tmp_path, monkeypatch):
    continued = MentionHandler._continued

    async def broken(self, message, me):
        if "Meanwhile" in message.content:
            raise RuntimeError("boom")
        return await continued(self, message, me)

    async with staged(tmp_path) as stage:
        monkeypatch.setattr(MentionHandler, "_continued", broken)
        broke = await stage.ada.mention(stage.channel, "Meanwhile?")
        apology = await stage.answer_with("something went wrong", stage.messages)
        assert apology["message_reference"]["message_id"] == broke["id"]
        await words_in(stage, await thread_of(stage, "After?"), "**Sources**")
    assert [question.text for question in stage.assistant.questions] == ["After?"]


async def test_work_beside_the_client_that_breaks_is_begun_anew(tmp_path, monkeypatch):
    text, broke = Presence._text, []

    async def broken(self):
        if not broke:
            broke.append(1)
            raise RuntimeError("boom")
        return await text(self)

    async with staged(tmp_path, presence_s=0.05) as stage, questions_around(stage):
        monkeypatch.setattr(Presence, "_text", broken)
        await until(lambda: stage.frontend.status.restarts == 1)
        await until(lambda: any(session.presence for session in stage.discord.gateway.live))


async def test_commands_that_discord_refuses_do_not_stop_the_bot(tmp_path):
    async with staged(tmp_path) as stage, questions_around(stage):
        stage.discord.faults.add(Fault("status", method="PUT", path="/commands", status=400, times=99))
        stage.discord.world.commands = []
        await fresh_client(stage)
        await until(lambda: any(r.method == "PUT" and r.status == 400 for r in stage.discord.requests))


async def test_a_global_rate_limit_and_a_stopped_answer_do_not_hang_the_api(tmp_path):
    async with staged(tmp_path, answer_deadline_s=2.5) as stage:
        stage.discord.faults.add(Fault("global_limit", method="PATCH", path="/messages/", seconds=0.6))
        stage.assistant.script = lambda question: answered("word " * 500, pause_s=0.1)
        first = await thread_of(stage, "How?")
        await words_in(stage, first, "took too long")
        stage.assistant.script = lambda question: answered(ANSWER)
        second = await thread_of(stage, "And now?")
        await words_in(stage, second, "**Sources**")
        assert (len(stage.messages(first)), len(stage.messages(second))) == (1, 1)
