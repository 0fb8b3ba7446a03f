"""What kills Discord bots, a test for each: asked before, during and after a fault, every question is answered once, and
soon. What concerns a single answer or command is in `test_faults_of_answers.py`, what ends in `failed`, as a refused token
does, in `test_failed.py`."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from askmesh_bot.frontends.discord.status import State

from .conftest import Stage, staged, until
from .emulator import Emulator, Fault
from .scripted import ANSWER, answered

pytestmark = pytest.mark.anyio

# Of an answer's words, so that its messages are edited while a fault lasts.
PAUSE_S = 0.03
POSTS = r"/channels/\d+/messages$"
Strike = Callable[[Stage], Awaitable[Any]]


@dataclass(frozen=True)
class Row:
    """A fault: what makes it. The bot is back long before anybody gives up, on a busy machine, too."""

    strike: Strike
    # Clients that were replaced, at least; two more are, where a machine that stands still makes it look worse.
    restarts: int = 0
    most_restarts: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)


async def fresh_client(stage):
    """Have the supervisor replace the client, whose first steps then meet the fault."""
    await stage.discord.gateway.send_raw("not json")


async def refused_at_first(stage):
    stage.discord.gateway.faults.refuse = 1
    await fresh_client(stage)


async def nobody_listens(stage):
    before = stage.frontend.status.restarts
    await stage.discord.stop_listening()
    await fresh_client(stage)
    await until(lambda: stage.frontend.status.restarts >= before + 3)
    await stage.discord.listen()


async def no_login(stage):
    stage.discord.faults.add(Fault("status", path="/users/@me", status=503, times=2))
    await fresh_client(stage)


async def html_at_login(stage):
    stage.discord.faults.add(Fault("html", path="/users/@me", status=200))
    await fresh_client(stage)


async def malformed(stage):
    events = [("MESSAGE_CREATE", {"id": "x"}), ("MESSAGE_CREATE", None), ("INTERACTION_CREATE", {"type": 2})]
    events += [("GUILD_CREATE", {"id": "7", "channels": 3}), ("CHANNEL_CREATE", {"guild_id": []}), ("TOMORROW", {})]
    for event, data in events:
        await stage.discord.gateway.dispatch(event, data)


async def silent_ready(stage):
    stage.discord.gateway.faults.withhold_ready = True
    await fresh_client(stage)
    await until(lambda: "not ready within" in stage.frontend.status.last_error)
    stage.discord.gateway.faults.withhold_ready = False


def closed(code):
    async def strike(stage):
        await stage.discord.gateway.drop(code)

    return Row(strike)


async def reconnect(stage):
    await stage.discord.gateway.ask_to_reconnect()


async def invalid(stage):
    await stage.discord.gateway.invalidate(resumable=True)


async def forgotten(stage):
    await stage.discord.gateway.invalidate(resumable=False)


async def closed_after_hello(stage):
    gateway = stage.discord.gateway
    before, gateway.faults.close_after_hello = gateway.received["connect"], 4000
    await gateway.drop()
    await until(lambda: stage.frontend.status.restarts)
    assert gateway.received["connect"] - before < 40
    gateway.faults.close_after_hello = None


async def beats(stage, seconds):
    """A connection that beats so often."""
    stage.discord.gateway.heartbeat_s = seconds
    await stage.discord.gateway.drop()
    resumed = stage.discord.gateway.received["resume"]
    await until(lambda: stage.discord.gateway.received["resume"] > resumed and stage.discord.gateway.live)


async def deaf(stage):
    await beats(stage, 0.2)
    stage.discord.gateway.heartbeat_s = 41.25  # of the next connection
    stage.discord.gateway.faults.mute_acks = True
    await until(lambda: stage.frontend.status.restarts)
    stage.discord.gateway.faults.mute_acks = False


async def blocked(stage):
    await beats(stage, 0.8)
    await asyncio.sleep(0.3)  # the lag is measured between two of its timers
    time.sleep(1.3)
    while not stage.lag_over(0.5):
        await asyncio.sleep(0.05)


def once(kind, method="PATCH", path="/messages/", **options):
    async def strike(stage):
        stage.struck = stage.discord.faults.add(Fault(kind, method=method, path=path, **options))

    return strike


ROWS = {
    "first connect fails": Row(refused_at_first, restarts=2),
    "refused at login": Row(nobody_listens, restarts=3),
    "503 at login": Row(no_login, restarts=3),
    "a page instead of an answer at login": Row(html_at_login, restarts=2),
    "malformed and new events": Row(malformed),
    "a frame that is not JSON": Row(fresh_client, restarts=1),
    "no READY": Row(silent_ready, restarts=2, settings={"ready_deadline_s": 2.0}),
    **{f"close {code or 'reset'}": closed(code) for code in (None, 1000, 1001, 1011, 4000, 4007, 4008, 4009)},
    "op 7": Row(reconnect),
    "op 9 true": Row(invalid),
    "op 9 false": Row(forgotten),
    "closed after HELLO": Row(closed_after_hello, restarts=1, settings={"backoff_s": 0.5}),
    "no more ACKs": Row(deaf, restarts=1),
    # With what the machine takes besides it may be longer than a connection may be silent.
    "blocked event loop": Row(blocked, most_restarts=2),
    "reset before a POST arrives": Row(once("reset_before", "POST", POSTS)),
    "reset after a POST arrived": Row(once("reset_after", "POST", POSTS)),
    "503 on POST": Row(once("status", "POST", POSTS)),
    "503 on edit": Row(once("status")),
    "a 502 page on edit": Row(once("html", status=502)),
    "a page instead of an answer to a POST": Row(once("html", "POST", POSTS, status=200)),
    "REST stalls": Row(once("stall", "POST|PATCH", seconds=90), settings={"rest_deadline_s": 1.5}),
    "rate limit": Row(once("rate_limit", seconds=0.4)),
    "rate limit longer than a call may take": Row(once("rate_limit", seconds=2.5), settings={"rest_deadline_s": 1.5}),
    "429 that does not say for how long": Row(once("untold_limit")),
    "global rate limit": Row(once("global_limit", seconds=0.6)),
    "429 without Via": Row(once("no_via", seconds=0.7)),
    "Cloudflare 1015": Row(once("cloudflare", "POST|PATCH", "/channels/", seconds=1.0)),
}


async def thread_of(stage, text):
    return await stage.thread_of(await stage.ada.mention(stage.channel, text))


async def words_in(stage, thread, text):
    return await stage.answer_with(text, lambda: stage.messages(thread))


@asynccontextmanager
async def questions_around(stage):
    """One is being answered while the block strikes, one asked after that, and one when the bot is back."""
    striking = []

    def script(question):
        if question.text != "Before?":
            return answered(ANSWER)
        # However long it takes until its first word is seen, the others are yet to come.
        return answered(ANSWER, pause_s=PAUSE_S, holds=lambda said: said and not striking)

    stage.assistant.script = script
    threads = [await thread_of(stage, "Before?")]
    await words_in(stage, threads[0], "Call")
    striking.append(True)
    yield
    threads.append(await thread_of(stage, "Meanwhile?"))
    for thread in threads:
        await words_in(stage, thread, "**Sources**")
    await until(lambda: stage.frontend.status.state is State.READY)
    threads.append(await thread_of(stage, "After?"))
    await words_in(stage, threads[-1], "**Sources**")
    await until(lambda: not stage.frontend.busy)
    # None lost, none twice, none as it was before.
    written = [message["content"] for thread in threads for message in stage.messages(thread)]
    assert ["**Sources**" in content for content in written] == [True] * 3
    assert sorted(question.text for question in stage.assistant.questions) == ["After?", "Before?", "Meanwhile?"]


@pytest.mark.parametrize("name", ROWS)
async def test_every_question_around_a_fault_is_answered_once_and_soon(tmp_path, name):
    row = ROWS[name]
    async with staged(tmp_path, **row.settings) as stage:
        before = stage.frontend.status.restarts
        async with questions_around(stage):
            await row.strike(stage)
        most = row.restarts + 2 * bool(row.restarts) if row.most_restarts is None else row.most_restarts
        assert row.restarts <= stage.frontend.status.restarts - before <= most
        if hasattr(stage, "struck"):
            assert stage.struck.hits == 1
        assert await stage.frontend.check() is None


async def test_names_that_can_not_be_resolved_for_a_while(tmp_path, monkeypatch):
    asked = []

    async def unknown(self, *args, **options):
        asked.append(args)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(Emulator, "api_url", property(lambda self: f"http://localhost:{self.port}/api/v10"))
    monkeypatch.setattr(Emulator, "gateway_url", property(lambda self: f"ws://localhost:{self.port}/gw"))
    async with staged(tmp_path) as stage, questions_around(stage):
        with monkeypatch.context() as down:
            down.setattr(asyncio.BaseEventLoop, "getaddrinfo", unknown)
            await fresh_client(stage)
            await until(lambda: len(asked) >= 2)
            assert "Discord: " in (await stage.frontend.check() or "")
