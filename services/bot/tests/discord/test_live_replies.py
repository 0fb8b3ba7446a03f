"""Questions that are answered in a channel itself, by replies, are learned like threads; long threads are read whole."""

import asyncio

import pytest

from .conftest import until
from .emulator import threads
from .test_buttons import told
from .test_live import ANSWER, QUESTION, _quick, encoder, encoder_url, stage

__all__ = ["_quick", "encoder", "encoder_url", "stage"]
pytestmark = pytest.mark.anyio


async def replied(stage):
    """A question with a reply and a reply to that, among other talk."""
    question = await stage.ada.say(stage.channel, QUESTION)
    first = await stage.bob.say(stage.channel, "What have you tried to read the file with?", reply_to=question)
    await stage.bob.say(stage.channel, "Lunch, anybody? Somebody said read the menu file.")
    answer = await stage.bob.say(stage.channel, ANSWER, reply_to=first)
    return question, first, answer


async def test_an_accepted_reply_in_a_channel_makes_its_question_with_all_replies_citable(stage):
    here = {"readers_of": stage.channel}
    async with stage.bot():
        question, _, answer = await replied(stage)
        await asyncio.sleep(0.3)
        await stage.discord.person("eve").react(answer, "✅")  # neither the asker nor staff
        await asyncio.sleep(0.4)
        assert await stage.found(QUESTION, **here) == []
        await stage.ada.react(answer, "✅")
        await stage.citable("(accepted answer)", **here)
        assert await stage.document(stage.channel) == question["id"]
        found = " ".join(await stage.found(QUESTION, **here))
        assert "What have you tried" in found
        assert "Lunch" not in found
        assert await stage.found(QUESTION) == []  # for those who read another channel only

        more = await stage.bob.say(stage.channel, "Mind the encoding: pass utf-8.", reply_to=answer)
        await stage.citable("Mind the encoding", **here)
        await threads.edit(stage.discord, more, "Mind the newlines as well.")
        await stage.gone("Mind the encoding", **here)
        await stage.citable("Mind the newlines", **here)
        await stage.discord.delete(more)
        await stage.gone("Mind the newlines", **here)
        await stage.ada.react(answer, "✅", back=True)
        await stage.gone("it closes the file", **here)
        await stage.ada.react(answer, "✅")
        await stage.citable("it closes the file", **here)
        await stage.discord.delete(question)
        await stage.gone("it closes the file", **here)
        async with asyncio.timeout(60):
            while await stage.journal.documents(f"discord-{stage.channel['id']}"):
                await asyncio.sleep(0.02)


async def test_a_question_that_gets_a_thread_goes_on_there(stage):
    here = {"readers_of": stage.channel}
    async with stage.bot():
        question, _, answer = await replied(stage)
        await stage.ada.react(answer, "✅")
        await stage.citable("it closes the file", **here)
        thread = await threads.begin(stage.discord, stage.ada.user, question, "Reading files")
        await stage.bob.say(thread, "Use the method read_bytes and decode it.")
        await threads.change(stage.discord, thread, archived=True)
        await stage.citable("read_bytes", **here)
        await stage.gone("it closes the file", **here)
        assert await stage.document(stage.channel) == question["id"] == thread["id"]


async def test_replies_are_known_again_after_a_restart_and_who_opts_out_leaves_them(stage):
    here = {"readers_of": stage.channel}
    async with stage.bot():
        _, first, answer = await replied(stage)
        await stage.ada.react(answer, "✅")
        await stage.citable("it closes the file", **here)
    await stage.discord.delete(first)  # while nobody listens; what replies to it is no reply to the question any more
    async with stage.bot():
        await stage.gone("What have you tried", **here)
        assert await stage.found(QUESTION, **here) == []
        question = await stage.ada.say(stage.channel, QUESTION)
        answer = await stage.bob.say(stage.channel, "Use the method read_bytes and decode it.", reply_to=question)
        carol = stage.discord.person("carol")
        await carol.say(stage.channel, "I use a with block for files.", reply_to=answer)
        await stage.ada.react(answer, "✅")
        await stage.citable("with block", **here)
        opened = await carol.slash(stage.channel, "privacy")
        await told(await carol.click(await until(lambda: opened.response), "Don't keep my questions"), "not kept")
        await stage.gone("with block", **here)
        await stage.citable("read_bytes", **here)


async def test_what_was_accepted_in_a_channel_before_is_read_by_command(stage):
    here = {"readers_of": stage.channel}
    for number in range(120):
        await stage.bob.say(stage.channel, f"Talk number {number}.")
        if number == 3:
            _, _, answer = await replied(stage)
            await stage.ada.react(answer, "✅")
    async with stage.bot():
        await asyncio.sleep(0.4)
        assert await stage.found(QUESTION, **here) == []  # nobody asked for the past
        click = await stage.ada.slash(stage.channel, "config history", channel=stage.channel)
        await stage.citable("it closes the file", **here)
        await until(lambda: "Done: " in (click.response or {}).get("content", ""))


async def test_a_long_thread_is_read_to_its_end_and_at_most_as_far_as_is_set(stage):
    post = await stage.ada.post(stage.forum, "Reading files", QUESTION)
    for number in range(230):
        await stage.bob.say(post, f"I do not know, says number {number}.")
    answer = await stage.bob.say(post, ANSWER)
    await stage.ada.react(answer, "✅")
    async with stage.bot():
        await told(await stage.ada.slash(stage.channel, "help"), "/ask")
        await threads.change(stage.discord, post, tags=["solved"])
        await stage.citable("it closes the file")
    async with stage.bot(live_messages=150):
        await stage.gone("it closes the file")
