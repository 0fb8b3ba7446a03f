"""Several processes and their end: one connection, answers drained."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from askmesh_bot.database.discord import DiscordTakenRow
from askmesh_bot.frontends.discord.status import State
from sqlalchemy import select

from .conftest import staged, until
from .scripted import ANSWER, answered

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[4]


async def test_of_two_workers_one_connects_and_the_other_takes_over(tmp_path):
    async with staged(tmp_path) as stage:
        second = stage.restarted(tmp_path)
        await second.start()
        await until(lambda: second.status.state is State.STANDBY)
        await asyncio.sleep(0.3)
        assert stage.discord.gateway.received["identify"] == 1
        assert await second.check() is None
        await stage.frontend.stop()
        await until(lambda: stage.discord.gateway.received["identify"] == 2)
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "How?"))
        await stage.answer_with("**Sources**", lambda: stage.messages(thread))
        await second.stop()


async def test_stopping_lets_an_answer_in_flight_end(tmp_path):
    async with staged(tmp_path, drain_s=60) as stage:
        stage.assistant.script = lambda question: answered(ANSWER, pause_s=0.06)
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "How?"))
        interaction = await stage.ada.slash(stage.channel, "ask", question="How?")
        await until(lambda: stage.messages(thread) and interaction.response)
        await stage.frontend.stop()
        assert "**Sources**" in stage.messages(thread)[0]["content"]
        assert "**Sources**" in interaction.response["content"]
        await until(lambda: stage.discord.gateway.live == [])


async def test_an_answer_that_cannot_end_in_time_says_so(tmp_path):
    async with staged(tmp_path, drain_s=0.3) as stage:
        stage.assistant.script = lambda question: answered("word " * 200, pause_s=0.1)
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "How?"))
        await until(lambda: stage.messages(thread))
        await stage.frontend.stop()
        assert "I was restarted while answering" in stage.messages(thread)[0]["content"]


async def test_while_stopping_a_command_gets_a_word_and_no_answer(tmp_path):
    async with staged(tmp_path) as stage:
        told = []
        stage.assistant.script = lambda question: answered(ANSWER, holds=lambda said: said and not told)
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "How?"))
        await until(lambda: stage.messages(thread))
        stopping = asyncio.create_task(stage.frontend.stop())
        await asyncio.sleep(0)
        interaction = await stage.ada.slash(stage.channel, "ask", question="How?")
        told.append(await until(lambda: interaction.response))
        assert "restarted" in interaction.response["content"]
        await stopping
    assert len(stage.assistant.questions) == 1


def worker(discord, tmp_path, **variables) -> subprocess.Popen:
    """Another process for the same bot, on the state directory in `tmp_path`."""
    environment = os.environ | {
        "ASKMESH_DISCORD_TOKEN": discord.world.token,
        "ASKMESH_DISCORD_API_URL": discord.api_url,
        "ASKMESH_DISCORD_GATEWAY_URL": discord.gateway_url,
        "ASKMESH_DISCORD_EDIT_INTERVAL_S": "0.2",
        "ASKMESH_DISCORD_STATE_DIR": str(tmp_path / "state"),
        "ASKMESH_DISCORD_GUILD_READY_S": "0.05",
        "ASKMESH_DISCORD_DRAIN_S": "60",
        **variables,
    }
    command = [sys.executable, "-m", "services.bot.tests.discord.worker", str(tmp_path)]
    return subprocess.Popen(command, env=environment, cwd=ROOT)


@pytest.mark.timeout(400)
async def test_processes_share_one_connection_and_end_without_losing_an_answer(tmp_path):
    async with staged(tmp_path) as stage:
        await stage.frontend.stop()
        connections = stage.discord.gateway.received
        workers = [worker(stage.discord, tmp_path) for _ in range(2)]
        try:
            await until(lambda: {state_of(each, tmp_path) for each in workers} == {"ready", "standby"}, 100)
            workers.sort(key=lambda each: state_of(each, tmp_path))
            await asyncio.sleep(0.6)
            assert connections["identify"] == 2  # the stage's own was the first
            workers[0].kill()
            await until(lambda: connections["identify"] == 3)
            await until(lambda: state_of(workers[1], tmp_path) == "ready")
            assert connections["identify"] == 3
            thread = await stage.thread_of(await stage.ada.mention(stage.channel, "How?"))
            await until(lambda: stage.messages(thread))
            workers[1].send_signal(signal.SIGTERM)
            await stage.answer_with("**Sources**", lambda: stage.messages(thread))
            assert await asyncio.to_thread(workers[1].wait, 100) == 0
        finally:
            for process in workers:
                process.kill()
                process.wait()


@pytest.mark.timeout(400)
async def test_an_answer_whose_process_is_killed_twice_arrives_once_in_its_old_message(tmp_path):
    async with staged(tmp_path) as stage:
        await stage.frontend.stop()
        workers = [worker(stage.discord, tmp_path, WORKER_HOLDS="1") for _ in range(3)]
        try:
            states = ["ready", "standby", "standby"]
            await until(lambda: sorted(state_of(each, tmp_path) for each in workers) == states, 100)
            thread = await stage.thread_of(await stage.ada.mention(stage.channel, "How?"))
            command = await stage.discord.person("bob").slash(stage.channel, "ask", question="How?")
            shown = await stage.answer_with("Call", lambda: stage.messages(thread))
            await until(lambda: command.response and "Call" in command.response["content"])
            killed = await kill_leader(workers, tmp_path)
            assert "**Sources**" not in shown["content"]
            # The second one begins anew, in the same message, and is killed too.
            edits = len(stage.discord.edits[shown["id"]])
            while await taken_over(stage, thread) == 0:
                await asyncio.sleep(0.1)
            await until(lambda: len(stage.discord.edits[shown["id"]]) > edits)
            await kill_leader(killed, tmp_path)
            assert "**Sources**" not in shown["content"]
            (tmp_path / "go").touch()
            await until(lambda: "**Sources**" in shown["content"])
            await until(lambda: "I was restarted" in command.response["content"])
            final = shown["content"]
            while await in_flight(stage):
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.5)
            assert await taken_over(stage, thread) == 2
            assert [message["content"] for message in stage.messages(thread)] == [final]
            assert [message["id"] for message in stage.messages()] == [command.response["id"]]
        finally:
            for process in workers:
                process.kill()
                process.wait()


async def kill_leader(workers, tmp_path) -> list[subprocess.Popen]:
    """The workers that are left."""
    # On a busy machine it may be between two heartbeats.
    await until(lambda: any(state_of(each, tmp_path) == "ready" for each in workers))
    leader = next(each for each in workers if state_of(each, tmp_path) == "ready")
    leader.kill()
    await asyncio.to_thread(leader.wait)
    return [each for each in workers if each is not leader]


async def taken_over(stage, thread) -> int:
    """How often the answer to the message that `thread` is on was."""
    async with stage.database.read() as session:
        return await session.scalar(select(DiscordTakenRow.again).filter_by(message_id=int(thread["id"])))


async def in_flight(stage) -> list[int]:
    async with stage.database.read() as session:
        return list(await session.scalars(select(DiscordTakenRow.message_id).where(~DiscordTakenRow.done)))


def state_of(process: subprocess.Popen, folder: Path) -> str:
    file = folder / str(process.pid)
    return file.read_text() if file.exists() else ""
