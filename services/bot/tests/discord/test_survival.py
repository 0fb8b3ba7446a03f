"""Staying up beyond the table of faults: first starts, databases that fail, shards, Cloudflare, what is told meanwhile."""

import asyncio
import json
import time
from types import SimpleNamespace

import discord
import pytest
from askmesh_bot.database.engine import Database
from askmesh_bot.frontends.discord.backoff import Backoff
from askmesh_bot.frontends.discord.frontend import DiscordFrontend
from askmesh_bot.frontends.discord.pause import PAUSE, Pause
from askmesh_bot.frontends.discord.status import State
from bot_mesh import reserved_port
from sqlalchemy.exc import OperationalError

from .conftest import BASE_URL, settings_for, staged, until
from .conversations import scripted_conversations
from .emulator import Emulator, Fault
from .emulator.limits import RateLimiter
from .scripted import ANSWER, answered

pytestmark = pytest.mark.anyio

SLOW = 0.06


async def ready(stage):
    await until(lambda: stage.frontend.status.state is State.READY)


async def ask(stage, text="How do I read a text file?"):
    """The thread of an answered mention."""
    thread = await stage.thread_of(await stage.ada.mention(stage.channel, text))
    await stage.answer_with("**Sources**", lambda: stage.messages(thread))
    return thread


@pytest.mark.parametrize("code", [None, 1000, 4009])
async def test_a_dropped_connection_is_resumed_and_the_answer_given_once(tmp_path, code):
    async with staged(tmp_path) as stage:
        stage.assistant.script = lambda question: answered(ANSWER, pause_s=SLOW)
        first = await stage.ada.mention(stage.channel, "First?")
        thread = await stage.thread_of(first)
        await until(lambda: stage.messages(thread))
        await stage.discord.gateway.drop(code)
        second = await stage.ada.mention(stage.channel, "Second?")  # missed, and replayed on RESUME
        other = await stage.thread_of(second)
        await stage.answer_with("**Sources**", lambda: stage.messages(thread))
        await stage.answer_with("**Sources**", lambda: stage.messages(other))
        await ready(stage)
        assert (len(stage.messages(thread)), len(stage.messages(other))) == (1, 1)
        assert stage.discord.gateway.received["identify"] == 1
        assert stage.discord.gateway.received["resume"] >= 1


async def test_nothing_listening_at_first_is_tried_again(tmp_path):
    with reserved_port() as port:
        await _nothing_listens_at_first(tmp_path, port)


async def _nothing_listens_at_first(tmp_path, port):
    async with scripted_conversations(tmp_path) as (_, conversations, database):
        discord = Emulator(port=port)
        frontend = DiscordFrontend(settings_for(discord, tmp_path), BASE_URL, conversations, database)
        await frontend.start()
        await until(lambda: frontend.status.restarts)
        assert "reconnecting" in await frontend.check() or "connecting" in await frontend.check()
        async with discord:
            await until(lambda: frontend.status.state is State.READY)
            await frontend.stop()


async def test_a_database_that_fails_gets_who_asked_an_apology_and_costs_no_connection(tmp_path, monkeypatch):
    async with staged(tmp_path) as stage:

        def failing(*_):
            raise OperationalError("SELECT", {}, Exception("disk I/O error"))

        with monkeypatch.context() as broken:
            broken.setattr(Database, "read", failing)
            broken.setattr(Database, "write", failing)
            await stage.ada.mention(stage.channel, "How?")
            await stage.answer_with("something went wrong", stage.messages)
            await stage.ada.say(stage.channel, "Just talking.")
            interaction = await stage.ada.slash(stage.channel, "config language", language="de")
            await until(lambda: "database does not answer" in ((interaction.response or {}).get("content") or ""))
        await ask(stage)
        assert len([m for m in stage.messages() if not m["flags"] & 64]) == 1
        assert stage.frontend.status.restarts == 0


async def test_a_database_that_fails_in_mid_answer_does_not_take_the_answer_away(tmp_path, monkeypatch):
    async with staged(tmp_path) as stage:

        def failing(*_):
            raise OperationalError("INSERT", {}, Exception("disk full"))

        stage.assistant.script = lambda question: answered(ANSWER, pause_s=SLOW)
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "How?"))
        await until(lambda: stage.messages(thread))
        monkeypatch.setattr(Database, "write", failing)
        message = await stage.answer_with("**Sources**", lambda: stage.messages(thread))
        await until(lambda: not stage.frontend.busy)
        assert stage.messages(thread) == [message]


async def test_the_content_intent_is_not_asked_for(tmp_path):
    async with staged(tmp_path) as stage:
        (session,) = stage.discord.gateway.sessions.values()
    assert not session.intents & ((1 << 1) | (1 << 8) | (1 << 15))


async def test_malformed_events_cost_only_themselves(tmp_path):
    malformed = [
        ("MESSAGE_CREATE", {"id": "x"}),
        ("MESSAGE_CREATE", None),
        ("INTERACTION_CREATE", {"type": 2}),
        ("GUILD_CREATE", {"id": "7", "channels": 3}),
        ("CHANNEL_CREATE", {"guild_id": []}),
    ]
    async with staged(tmp_path) as stage:
        for event, data in malformed:
            await stage.discord.gateway.dispatch(event, data)
        await stage.discord.gateway.dispatch("SOMETHING_NEW", {"of": "tomorrow"})
        await ask(stage)
        assert stage.frontend.status.dropped_events == len(malformed)
        assert stage.frontend.status.restarts == 0


async def test_rate_limits_told_in_headers_are_kept(tmp_path):
    async with staged(tmp_path) as stage:
        stage.discord.limiter.limits[("PATCH", "/channels/{channel}/messages/{message}")] = (2, 1.0)
        stage.assistant.script = lambda question: answered(ANSWER, pause_s=0.08)
        await ask(stage)
        assert [r for r in stage.discord.requests if r.status == 429] == []


@pytest.mark.parametrize("path", ["/channels/", "/webhooks/"])
async def test_what_cloudflare_refuses_is_paused_for_as_long_as_it_says_and_the_answer_comes_after(
    tmp_path, monkeypatch, path
):
    now = [time.monotonic()]
    monkeypatch.setattr(PAUSE, "_clock", lambda: now[0])
    async with staged(tmp_path) as stage:
        refused = stage.discord.faults.add(Fault("cloudflare", method="POST|PATCH", path=path, seconds=1.0))
        asked = await stage.ada.mention(stage.channel, "How?")
        await stage.ada.slash(stage.channel, "ask", question="How?")
        await until(lambda: refused.hits)
        requests = len(stage.discord.requests)
        assert "Cloudflare" in await until_told(stage)
        assert PAUSE.left_s == pytest.approx(1.0)
        await asyncio.sleep(0.6)
        assert len(stage.discord.requests) - requests <= 2  # what was on its way already
        now[0] += 1.0
        await stage.answer_with("**Sources**", stage.messages)
        if asked["id"] in stage.discord.world.channels:
            thread = stage.discord.world.channels[asked["id"]]
            await stage.answer_with("**Sources**", lambda: stage.messages(thread))
        assert await stage.frontend.check() is None
        assert stage.frontend.status.restarts == 0


async def test_a_login_that_cloudflare_refuses_waits_as_long_as_it_says(tmp_path):
    async with staged(tmp_path, wait_ready=False) as stage:
        refused = stage.discord.faults.add(Fault("cloudflare", path="/users/@me", seconds=1.0))
        await ready(stage)
        first, second, *_ = [r for r in stage.discord.requests if r.path.endswith("/users/@me")]
        assert (refused.hits, first.status, second.status) == (1, 429, 200)
        assert second.at - first.at > 0.9
        await ask(stage)


async def test_too_many_refusals_in_a_row_are_not_pushed_to_a_ban():
    now = [0.0]
    pause = Pause(clock=lambda: now[0])
    refused = discord.Forbidden(SimpleNamespace(status=403, reason="", headers={"Via": "1.1"}), {"code": 50013})
    for _ in range(4999):
        pause.heed(refused)
    assert pause.left_s == 0
    now[0] = 60.0
    pause.heed(refused)
    assert pause.left_s == 540
    now[0] = 601.0
    assert pause.left_s == 0
    pause.heed(refused)
    assert pause.left_s == 0


async def test_a_bot_in_too_many_servers_for_one_connection_gets_more(tmp_path):
    async with staged(tmp_path, wait_ready=False) as stage:
        stage.discord.world.shards = 2
        there = stage.guild
        # A server of the other shard: its number is in its id.
        other = stage.discord.world.add_guild("Other")
        del stage.discord.world.guilds[other["id"]]
        other["id"] = other["roles"][0]["id"] = str(int(other["id"]) ^ (1 << 22))
        if (int(other["id"]) >> 22) % 2 == (int(there["id"]) >> 22) % 2:
            other["id"] = other["roles"][0]["id"] = str(int(other["id"]) ^ (1 << 22))
        stage.discord.world.guilds[other["id"]] = other
        elsewhere = stage.discord.world.add_channel(other, "general")
        await until(lambda: stage.frontend.status.state is State.READY and stage.discord.world.commands)
        assert sorted(session.shard for session in stage.discord.gateway.live) == [[0, 2], [1, 2]]
        await ask(stage)
        thread = await stage.thread_of(await stage.ada.mention(elsewhere, "How?"))
        await stage.answer_with("**Sources**", lambda: stage.messages(thread))
        await stage.discord.gateway.drop()
        await until(lambda: stage.discord.gateway.received["resume"] >= 2)
        await ask(stage)
        assert stage.frontend.status.restarts == 0
        # A client that ends leaves no connection behind.
        await stage.discord.gateway.send_raw("not json")
        await until(lambda: stage.frontend.status.restarts == 1)
        await until(lambda: len(stage.discord.gateway.live) == 2 and stage.frontend.status.state is State.READY)
        thread = await ask(stage)
        assert len(stage.messages(thread)) == 1
    assert stage.discord.gateway.live == []


async def test_a_resume_address_on_another_host_is_not_followed(tmp_path):
    async with staged(tmp_path, wait_ready=False) as stage:
        stage.discord.gateway.url = "wss://gateway-us-east1-b.discord.gg"
        await ready(stage)
        await stage.discord.gateway.drop()
        await until(lambda: stage.discord.gateway.received["resume"])
        await ask(stage)


async def test_readiness_tells_what_is_wrong_meanwhile(tmp_path):
    async with staged(tmp_path) as stage:
        assert await stage.frontend.check() is None
        stage.discord.gateway.faults.refuse = 1000
        await stage.discord.gateway.drop()
        reason = await until_told(stage)
        assert reason.startswith("Discord: reconnecting for ")
        json.dumps(reason)


async def until_told(stage):
    while not (reason := await stage.frontend.check()):
        await asyncio.sleep(0.02)
    return reason


def test_the_emulators_own_limits_are_discords_shape():
    limiter = RateLimiter({("POST", "/x"): (1, 60.0)})
    assert limiter.take("POST", "/x", "1")[0]
    passed, headers = limiter.take("POST", "/x", "1")
    assert (passed, headers["X-RateLimit-Remaining"]) == (False, "0")
    assert limiter.take("POST", "/x", "2")[0]


def test_pauses_grow_while_nothing_works_and_are_short_after_what_did():
    now = [0.0]
    backoff = Backoff(1.0, 120.0, clock=lambda: now[0])
    waits = [backoff.next(worked=False) for _ in range(8)]
    assert all(limit / 2 <= wait <= limit for wait, limit in zip(waits, [1, 2, 4, 8, 15, 15, 15, 15], strict=True))
    assert backoff.next(worked=True) <= 1
    # A connection that ends again and again must not use up the sessions of a day.
    for _ in range(200):
        backoff.next(worked=True)
    assert max(backoff.next(worked=True) for _ in range(9)) >= 60
    now[0] = 2 * 86_400
    assert backoff.next(worked=True) <= 1
