"""Servers that speak Discord's protocol with other habits than the emulator's: nothing in the bot depends on those."""

import time

import pytest

from .conftest import staged, until
from .emulator import Fault
from .test_fault_table import thread_of, words_in

pytestmark = pytest.mark.anyio


async def served(stage):
    """A mention and a command are answered, each where it belongs."""
    await until(lambda: stage.frontend.status.state == "ready" and stage.discord.world.commands)
    thread = await thread_of(stage, "How?")
    await words_in(stage, thread, "**Sources**")
    click = await stage.ada.slash(stage.channel, "ask", question="And so?")
    await until(lambda: "**Sources**" in ((click.response or {}).get("content") or ""))
    await stage.thread_of(click.response)
    # The next message in the thread goes on, by the thread's memory.
    await stage.ada.mention(thread, "And then?")
    await until(lambda: len([m for m in stage.messages(thread) if "**Sources**" in m["content"]]) == 2)
    assert [turn.question for turn in stage.assistant.questions[-1].history] == ["How?"]
    assert (stage.frontend.status.restarts, stage.frontend.status.dropped_events) == (0, 0)


def in_lower_case_with_a_charset(response):
    headers = {name.lower(): value for name, value in response.headers.items()}
    response.headers.clear()
    response.headers.update(headers)
    if "content-type" in headers:
        response.headers["content-type"] = "application/json; charset=utf-8"


def without_limits(response):
    for name in [name for name in response.headers if name.lower().startswith("x-ratelimit")]:
        del response.headers[name]


def with_half_the_limits(response):
    for name in ("X-RateLimit-Reset", "X-RateLimit-Reset-After", "X-RateLimit-Bucket"):
        response.headers.pop(name, None)


@pytest.mark.parametrize("disguise", [in_lower_case_with_a_charset, without_limits, with_half_the_limits])
async def test_responses_with_other_headers(tmp_path, disguise):
    async with staged(tmp_path, wait_ready=False) as stage:
        stage.discord.disguise = disguise
        await served(stage)


ABSENT = {
    "MESSAGE_CREATE": "member flags nonce components pinned tts edited_timestamp embeds",
    "MESSAGE_UPDATE": "member flags nonce components pinned tts author timestamp mentions type",
    "INTERACTION_CREATE": "channel app_permissions entitlements guild_locale context guild version"
    " authorizing_integration_owners attachment_size_limit",
    "GUILD_CREATE": "emojis stickers presences voice_states stage_instances soundboard_sounds premium_tier"
    " guild_scheduled_events member_count large joined_at afk_timeout",
    "READY": "application shard v session_type",
}


def sparse(event, data):
    """Without anything that an answer can do without, and with what Discord does not have."""
    if not isinstance(data, dict):
        return data
    told = {key: value for key, value in data.items() if key not in ABSENT.get(event, "").split()}
    if isinstance(told.get("author"), dict):
        told["author"] = {key: told["author"][key] for key in ("id", "username")}
    if isinstance(told.get("member"), dict) and "user" in told["member"]:
        told["member"] = told["member"] | {"of_tomorrow": [1], "user": told["member"]["user"] | {"clan": {"x": 1}}}
    return told | {"of_tomorrow": {"nested": [None, {}]}}


async def test_events_without_what_may_be_absent_and_with_what_is_new(tmp_path):
    async with staged(tmp_path, wait_ready=False) as stage:
        stage.discord.gateway.rendered = sparse
        await served(stage)


async def test_frames_that_are_not_compressed(tmp_path):
    async with staged(tmp_path, wait_ready=False) as stage:
        stage.discord.gateway.compresses = False
        await served(stage)


async def test_acknowledgements_that_tell_nothing_and_commands_that_can_not_be_listed(tmp_path):
    async with staged(tmp_path, wait_ready=False) as stage:
        stage.discord.tells_callbacks = False
        stage.discord.faults.add(Fault("status", method="GET", path="/commands$", status=404, times=99))
        await served(stage)


async def test_servers_that_become_known_late_and_what_is_written_there_before(tmp_path):
    async with staged(tmp_path, wait_ready=False) as stage:
        stage.discord.gateway.guilds_late_s = 0.8
        await until(lambda: stage.frontend.status.state == "ready")
        # Of a server that nothing is known of, a message that is not for the bot is no direct message.
        await stage.ada.say(stage.channel, "Good morning!")
        early = await stage.ada.mention(stage.channel, "Too early?")
        answer = await stage.answer_with("**Sources**", lambda: [*stage.messages(), *early_thread(stage, early)])
        assert answer["content"]
        (session,) = stage.discord.gateway.live
        await until(lambda: any(frame["t"] == "GUILD_CREATE" for frame in session.sent))
        stage.assistant.questions.clear()
        await served(stage)
        assert len(stage.messages()) <= 2


def early_thread(stage, early):
    thread = stage.discord.world.channels.get(early["id"])
    return stage.messages(thread) if thread else []


# The last: ids that count from almost nothing, as of the day on which Discord began.
@pytest.mark.parametrize("ahead_s", [-86_400.0, 86_400.0, -4e7, None])
async def test_a_clock_that_differs_and_ids_of_another_time(tmp_path, ahead_s):
    async with staged(tmp_path, wait_ready=False) as stage:
        stage.discord.world.ahead_s = 1_420_070_401.0 - time.time() if ahead_s is None else ahead_s
        await served(stage)
        count = len(stage.assistant.questions)
        # Missed in a session that can't be resumed, and during a restart.
        await stage.discord.gateway.invalidate(resumable=False)
        await words_in(stage, await thread_of(stage, "Missed?"), "**Sources**")
        await stage.frontend.stop()
        missed = await stage.ada.mention(stage.channel, "Missed again?")
        again = stage.restarted(tmp_path)
        await again.start()
        await words_in(stage, await stage.thread_of(missed), "**Sources**")
        await again.stop()
        assert len(stage.assistant.questions) == count + 2
