"""What only people can mend: the bot says so and tries no more; what was in flight ends, what was missed is answered when it
was mended."""

import asyncio

import pytest
from askmesh_bot.frontends.discord.status import State

from .conftest import staged, until
from .scripted import ANSWER, answered
from .test_fault_table import fresh_client, thread_of, words_in

pytestmark = pytest.mark.anyio

TOLD = {
    4004: "ASKMESH_DISCORD_TOKEN",
    4010: "Update askmesh",
    4012: "Update askmesh",
    4013: "Update askmesh",
    4014: "ASKMESH_DISCORD_MESSAGE_CONTENT=false",
}


@pytest.mark.parametrize("code", TOLD)
async def test_a_fatal_close_code_ends_in_failed_with_the_remedy_and_no_question_is_lost(tmp_path, code):
    async with staged(tmp_path) as stage:
        stage.assistant.script = lambda question: answered(ANSWER, pause_s=0.03)
        threads = [await thread_of(stage, "Before?")]
        await words_in(stage, threads[0], "Call")
        stage.discord.gateway.faults.close_on_identify = code
        await fresh_client(stage)
        await until(lambda: stage.frontend.status.state is State.FAILED)
        assert TOLD[code] in await stage.frontend.check()
        missed = await stage.ada.mention(stage.channel, "Meanwhile?")
        await words_in(stage, threads[0], "**Sources**")
        identified = stage.discord.gateway.received["identify"]
        await asyncio.sleep(0.3)
        assert stage.discord.gateway.received["identify"] == identified == 2
        await stage.frontend.stop()
        # Somebody mends it.
        stage.discord.gateway.faults.close_on_identify = None
        again = stage.restarted(tmp_path)
        await again.start()
        threads.append(await stage.thread_of(missed))
        await words_in(stage, threads[1], "**Sources**")
        await until(lambda: not again.busy)
        await again.stop()
        assert [len(stage.messages(thread)) for thread in threads] == [1, 1]
    assert [question.text for question in stage.assistant.questions] == ["Before?", "Meanwhile?"]


async def test_a_token_that_the_api_refuses_ends_in_failed_without_another_try(tmp_path):
    async with staged(tmp_path, wait_ready=False) as stage:
        stage.discord.world.token = "another"
        await until(lambda: stage.frontend.status.state is State.FAILED)
        requests = len(stage.discord.requests)
        await asyncio.sleep(0.4)
        assert len(stage.discord.requests) == requests
        assert "ASKMESH_DISCORD_TOKEN" in await stage.frontend.check()


@pytest.mark.parametrize("token", ["ab\ncd", "two words", "…", " "])
async def test_what_can_be_no_token_is_not_sent_but_told(tmp_path, token):
    async with staged(tmp_path, wait_ready=False, token=token) as stage:
        await until(lambda: stage.frontend.status.state == "failed")
        assert "ASKMESH_DISCORD_TOKEN is no bot token" in (await stage.frontend.check() or "")
        assert not stage.discord.requests


async def test_a_state_folder_that_cannot_be_written_ends_in_failed(tmp_path):
    (tmp_path / "state").write_text("a file where a folder should be")
    async with staged(tmp_path, wait_ready=False) as stage:
        await until(lambda: stage.frontend.status.state is State.FAILED)
        assert "ASKMESH_DISCORD_STATE_DIR" in await stage.frontend.check()
