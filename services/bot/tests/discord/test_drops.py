# ruff: noqa: T201 - the figures are what one runs the long version for
"""Random connection drops under load: back quickly, no question lost, none answered twice."""

import asyncio
import os
import random
import time

import pytest
from askmesh_bot.frontends.discord.status import State

from .conftest import staged, until
from .scripted import answered

pytestmark = pytest.mark.anyio

LONG = os.environ.get("ASKMESH_LONG_TESTS") == "1"
MOST_ASKED = 100
KINDS = ["cut", "cut", "close", "close_1000", "reconnect", "invalid", "forgotten"]


async def drop(gateway, kind):
    if kind == "cut":
        await gateway.drop()
    elif kind == "close":
        await gateway.drop(4000)
    elif kind == "close_1000":
        await gateway.drop(1000)
    elif kind == "reconnect":
        await gateway.ask_to_reconnect()
    else:
        await gateway.invalidate(resumable=kind == "invalid")


async def ask_steadily(stage, asked, per_s):
    """Mentions at a steady rate from many people, until cancelled, or there are as many as this takes a fast machine."""
    people = [stage.discord.person(f"person{number}") for number in range(20)]
    while LONG or len(asked) < MOST_ASKED:
        person = people[len(asked) % len(people)]
        asked.append(await person.mention(stage.channel, f"Question {len(asked)}?"))
        await asyncio.sleep(1 / per_s)


async def outages(stage, count, rng):
    """Drops `count` connections and tells how long the bot was away each time, in seconds."""
    away = []
    received = stage.discord.gateway.received
    for number in range(count):
        connects = received["identify"] + received["resume"]
        began = time.monotonic()
        await drop(stage.discord.gateway, KINDS[number % len(KINDS)])
        await until(lambda before=connects: received["identify"] + received["resume"] > before, 60)
        await until(lambda: stage.frontend.status.state is State.READY and stage.discord.gateway.live, 60)
        away.append(time.monotonic() - began)
        await asyncio.sleep(rng.uniform(0.05, 0.4))
    return away


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("drops", "per_s"),
    [
        (10, 5),
        pytest.param(100, 5, marks=pytest.mark.skipif(not LONG, reason="takes minutes: set ASKMESH_LONG_TESTS=1")),
    ],
)
async def test_drops_under_load_cost_nothing_but_seconds(tmp_path, drops, per_s):
    # As a slow machine answers late, people wait for many at once.
    async with staged(tmp_path, answers_per_user=1_000) as stage:
        limits = stage.discord.limiter.limits
        limits[("POST", "/channels/{channel}/messages/{message}/threads")] = (1000, 1.0)
        stage.assistant.script = lambda question: answered("Yes [1].", pause_s=0.05)
        asked = []
        asking = asyncio.create_task(ask_steadily(stage, asked, per_s))
        try:
            away = await outages(stage, drops, random.Random(drops))
        finally:
            asking.cancel()
        answers = {}
        for message in asked:
            await until(lambda message=message: message["id"] in stage.discord.world.channels, 60)
        await until(lambda: not stage.frontend.busy, 60)
        for message in asked:
            answers[message["id"]] = stage.messages(stage.discord.world.channels[message["id"]])
        late = stage.lag_over(0.1)
    away.sort()
    lost = [key for key, written in answers.items() if not any("**Sources**" in m["content"] for m in written)]
    twice = [key for key, written in answers.items() if len(written) > 1]
    print(f"{drops} drops, {len(asked)} questions, away median {away[len(away) // 2]:.2f} s, most {away[-1]:.2f} s,")
    print(f"loop later than 100 ms: {late:.2%}, lost {len(lost)}, twice {len(twice)}")
    assert (lost, twice) == ([], [])
    assert len(stage.assistant.questions) == len(asked)
    if LONG:
        assert away[-1] < 30
        assert late < 0.01
