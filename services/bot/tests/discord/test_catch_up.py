"""Questions asked while the bot was away."""

import asyncio

import pytest

from .conftest import staged, until

pytestmark = pytest.mark.anyio


async def back(stage, tmp_path, **changes):
    again = stage.restarted(tmp_path, **changes)
    await again.start()
    await until(lambda: again.status.state == "ready")
    return again


async def test_what_was_asked_during_a_restart_is_answered_once(tmp_path):
    async with staged(tmp_path) as stage:
        direct = stage.discord.world.add_dm(stage.ada.user)
        await stage.ada.say(direct, "Before?")
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "First?"))
        await stage.answer_with("**Sources**", lambda: stage.messages(thread))
        await stage.answer_with("**Sources**", lambda: stage.messages(direct))
        await stage.frontend.stop()
        quiet = stage.discord.world.add_channel(stage.guild, "quiet")
        for channel in (stage.channel, quiet, thread):
            await stage.ada.say(channel, "Not for the bot.")
        asked = [await stage.ada.mention(channel, f"In {channel['name']}?") for channel in (stage.channel, quiet)]
        await stage.ada.mention(thread, "Going on?")
        await stage.ada.say(direct, "In private?")
        again = await back(stage, tmp_path)
        for message in asked:
            place = await stage.thread_of(message)
            await stage.answer_with("**Sources**", lambda place=place: stage.messages(place))
        await until(lambda: len(stage.messages(thread)) == len(stage.messages(direct)) == 2)
        await until(lambda: not again.busy)
        await again.stop()
        third = await back(stage, tmp_path)
        await asyncio.sleep(0.2)
        await third.stop()
    questions = sorted(question.text for question in stage.assistant.questions)
    assert questions == ["Before?", "First?", "Going on?", "In general?", "In private?", "In quiet?"]


async def test_a_session_that_cannot_be_resumed_loses_no_question(tmp_path):
    async with staged(tmp_path) as stage:
        await stage.ada.say(stage.channel, "Good morning!")
        await until(lambda: stage.frontend.status.state == "ready")
        await stage.discord.gateway.invalidate(resumable=False)
        missed = await stage.ada.mention(stage.channel, "Missed?")
        thread = await stage.thread_of(missed)
        await stage.answer_with("**Sources**", lambda: stage.messages(thread))
        assert stage.discord.gateway.received["identify"] == 2
    assert [question.text for question in stage.assistant.questions] == ["Missed?"]


async def test_two_sessions_of_a_client_keep_their_distance(tmp_path):
    async with staged(tmp_path, identify_gap_s=0.8) as stage:
        identified = stage.discord.gateway.sessions
        (first,) = identified
        began = stage.frontend.status.identified_at
        await stage.discord.gateway.invalidate(resumable=False)
        await until(lambda: set(identified) - {first})
        assert stage.frontend.status.identified_at - began >= 0.8


@pytest.mark.parametrize("age_s", [0, 0.5])
async def test_what_is_too_old_is_left_alone(tmp_path, age_s):
    async with staged(tmp_path) as stage:
        await stage.frontend.stop()
        await stage.ada.mention(stage.channel, "Still there?")
        await asyncio.sleep(0.6)
        again = await back(stage, tmp_path, catch_up_s=age_s)
        await asyncio.sleep(0.3)
        await again.stop()
    assert stage.assistant.questions == []


async def test_what_was_asked_before_the_bot_first_came_is_left_alone(tmp_path):
    async with staged(tmp_path, wait_ready=False) as stage:
        await stage.ada.mention(stage.channel, "Is anybody there?")
        await until(lambda: stage.frontend.status.state == "ready")
        await asyncio.sleep(0.3)
    assert stage.assistant.questions == []
