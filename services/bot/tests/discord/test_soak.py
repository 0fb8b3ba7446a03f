# ruff: noqa: T201 - the figures are what one runs the long version for
"""Hours of questions, in seconds or in full: every one answered once, nothing logged as an error, memory flat.

`ASKMESH_SOAK_MINUTES=60` asks two questions a second for an hour; by default it is seconds, in which memory is not judged.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import until
from .emulator import Emulator

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[4]
MINUTES = float(os.environ.get("ASKMESH_SOAK_MINUTES", "0"))
SECONDS = MINUTES * 60 or 2.0
PER_S = 2.0
PEOPLE = 40
# What is bounded has reached its bounds by then: 500 answers that are watched for changes, five minutes of questions.
WARM_UP = 0.3
PAGE = os.sysconf("SC_PAGESIZE")


def bot(discord, folder, log):
    environment = os.environ | {
        "ASKMESH_DISCORD_TOKEN": discord.world.token,
        "ASKMESH_DISCORD_API_URL": discord.api_url,
        "ASKMESH_DISCORD_GATEWAY_URL": discord.gateway_url,
        "ASKMESH_DISCORD_STATE_DIR": str(folder / "state"),
        "ASKMESH_DISCORD_GUILD_READY_S": "0.05",
        "ASKMESH_DISCORD_CHANGES_S": "5",
    }
    command = [sys.executable, "-m", "services.bot.tests.discord.soak_worker", str(folder)]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stderr=log)


def resident(process) -> int:
    """Bytes of memory a process has."""
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * PAGE


class Soak:
    """Asks, checks each answer, and throws away what the emulated Discord remembers of it."""

    def __init__(self, discord, channel) -> None:
        self.discord, self.channel = discord, channel
        self.people = [discord.person(f"person{number}") for number in range(PEOPLE)]
        self.asked, self.answered, self.wrong = 0, 0, []
        self.delays = []

    async def ask(self, number: int) -> None:
        """By mention and then in the thread, or by command, as people do."""
        person, began = self.people[number % PEOPLE], time.monotonic()
        self.asked += 1
        if number % 4 == 3:
            interaction = await person.slash(self.channel, "ask", question=f"Question {number}?")
            await self._answered(lambda: [interaction.response] if interaction.response else [], number)
            place = self.discord.world.channels.get((interaction.response or {}).get("id"))
        else:
            message = await person.mention(self.channel, f"Question {number}?")
            place = await until(lambda: self.discord.world.channels.get(message["id"]), 60)
            await self._answered(lambda: self._written(place), number)
        self.delays.append(time.monotonic() - began)
        await asyncio.sleep(5)
        await self._tidy(place)

    def _written(self, place):
        mine = self.discord.world.bot["id"]
        return [m for m in self.discord.world.in_channel(place) if m["author"]["id"] == mine]

    async def _answered(self, written, number: int) -> None:
        try:
            await until(lambda: any("**Sources**" in message["content"] for message in written()), 60)
        except AssertionError:
            self.wrong.append((number, [message["content"] for message in written()]))
            return
        self.answered += 1
        if len(written()) != 1:
            self.wrong.append((number, f"{len(written())} messages"))

    async def _tidy(self, place) -> None:
        """Archive the thread, as Discord does after a day, and forget everything that is old."""
        world = self.discord.world
        if place is not None:
            place["thread_metadata"]["archived"] = True
            await self.discord.gateway.dispatch("THREAD_UPDATE", place)
            world.channels.pop(place["id"])
        for key in [key for key in world.messages if time.time() - _written_at(key) > 60]:
            del world.messages[key]
        for session in self.discord.gateway.sessions.values():
            del session.sent[:-500]
        del self.discord.requests[:-500]
        self.discord.edits.clear()
        if len(self.discord.limiter.buckets) > 1000:
            self.discord.limiter.buckets.clear()


def _written_at(snowflake: str) -> float:
    return ((int(snowflake) >> 22) + 1_420_070_400_000) / 1000


async def weigh(process, weights) -> None:
    """The process's memory every few seconds, from now on."""
    began = time.monotonic()
    while True:
        weights.append((time.monotonic() - began, resident(process)))
        if MINUTES and len(weights) % 12 == 0:
            print(f"{weights[-1][0]:.0f} s: {weights[-1][1] / 1e6:.1f} MB", flush=True)
        await asyncio.sleep(min(5.0, SECONDS / 10))


def grown(weights) -> float:
    """By how much the last tenth is heavier than the first after the warm-up, as a share."""
    span = weights[-1][0]
    first = [weight for at, weight in weights if WARM_UP * span <= at < (WARM_UP + 0.1) * span]
    last = [weight for at, weight in weights if at >= 0.9 * span]
    return (sum(last) / len(last)) / (sum(first) / len(first)) - 1


@pytest.mark.timeout(SECONDS + 240)
async def test_questions_for_a_long_time_cost_no_memory_and_no_error(tmp_path):
    weights = []
    async with Emulator() as discord:
        channel = discord.world.add_channel(discord.world.add_guild("Python"), "general")
        limits = discord.limiter.limits
        limits[("POST", "/channels/{channel}/messages/{message}/threads")] = (100, 1.0)
        soak = Soak(discord, channel)
        with (tmp_path / "log").open("wb") as log:
            process = bot(discord, tmp_path, log)
            try:
                await until(lambda: discord.world.commands and discord.gateway.live, 60)
                weighing = asyncio.create_task(weigh(process, weights))
                began, asking = time.monotonic(), set()
                while (elapsed := time.monotonic() - began) < SECONDS:
                    task = asyncio.create_task(soak.ask(soak.asked))
                    asking.add(task)
                    task.add_done_callback(asking.discard)
                    await asyncio.sleep(max(0.0, (soak.asked + 1) / PER_S - elapsed))
                weighing.cancel()
                await asyncio.gather(*asking)
                process.terminate()
                assert await asyncio.to_thread(process.wait, 100) == 0
            finally:
                process.kill()
                process.wait()
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines() if line.startswith("{")]
    errors = [line for line in lines if line["level"] in ("error", "critical") or "exception" in line]
    delays = sorted(soak.delays)
    print(f"{soak.asked} questions in {SECONDS / 60:.1f} min, {soak.answered} answered,", end=" ")
    print(f"median {delays[len(delays) // 2]:.2f} s, p99 {delays[int(len(delays) * 0.99)]:.2f} s;", end=" ")
    share = f"grown {grown(weights):.2%}" if MINUTES else "not judged"
    print(f"memory {weights[0][1] / 1e6:.1f} to {weights[-1][1] / 1e6:.1f} MB, {share};", end=" ")
    print(f"errors {len(errors)}, connections {discord.gateway.received['identify']}")
    assert (soak.answered, soak.wrong, errors) == (soak.asked, [], [])
    assert discord.gateway.received["identify"] == 1
    if MINUTES >= 10:
        assert grown(weights) < 0.05
