"""Threads learned as they are written: what becomes citable, for whom, and what goes again."""

import asyncio
import sys
import uuid
from pathlib import Path

import pytest
from askmesh_bot.database.engine import Database
from askmesh_bot.frontends.discord.live import ears, learner, past
from askmesh_bot.knowledge.journal import Journal

from .conftest import until
from .emulator import Emulator, Fault, threads
from .live_stage import LiveStage
from .test_buttons import told

sys.path.insert(0, str(Path(__file__).parents[1] / "knowledge"))

from bot_mesh import serving
from fake_embeddings import FakeEmbeddings

pytestmark = pytest.mark.anyio

QUESTION = "How do I read a file into a string?"
ANSWER = "Call read_text on the path; it closes the file."


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    for name in ("_WRITTEN_S", "_SETTLED_S", "_GONE_S"):
        monkeypatch.setattr(ears, name, 0.05)
    monkeypatch.setattr(ears, "_PURGED_S", 0.5)
    monkeypatch.setattr(learner, "_FIRST_PAUSE_S", 0.2)


@pytest.fixture(scope="module")
def encoder():
    return FakeEmbeddings(fingerprint=f"fake-{uuid.uuid4().hex}")


@pytest.fixture(scope="module")
def encoder_url(encoder):
    with serving(encoder.app) as server:
        yield server.url


@pytest.fixture
async def stage(tmp_path, encoder_url, vectordb_server):
    async with Emulator() as discord:
        stage = LiveStage(discord, tmp_path, encoder_url, vectordb_server.url)
        yield stage
        await stage.close()


async def asked_and_answered(stage, *, tags=(), title="Reading files"):
    """A forum post with a reply."""
    post = await stage.ada.post(stage.forum, title, QUESTION, tags=tags)
    reply = await stage.bob.say(post, ANSWER)
    return post, reply


async def solve(stage, post):
    await threads.change(stage.discord, post, tags=["solved"])


async def test_only_a_solved_thread_is_learned_and_grows_and_shrinks_with_its_messages(stage):
    async with stage.bot():
        post, reply = await asked_and_answered(stage)
        await stage.bob.post(stage.forum, "Other", "How do I write a file?", tags=["bug"])
        await asyncio.sleep(0.5)
        assert await stage.found(QUESTION) == []
        await solve(stage, post)
        await stage.citable("it closes the file")
        assert await stage.document(stage.forum) == post["id"]

        more = await stage.bob.say(post, "Mind the encoding: pass utf-8.")
        await stage.citable("Mind the encoding")
        await threads.edit(stage.discord, reply, "Use the method read_bytes and decode what it gives.")
        await stage.gone("it closes the file")
        await stage.citable("read_bytes and decode")
        await stage.discord.delete(more)
        await stage.gone("Mind the encoding")
        assert len(await stage.found(QUESTION)) == 1


async def test_what_was_solved_no_longer_is_not_learned_any_more(stage):
    async with stage.bot():
        post, _ = await asked_and_answered(stage, tags=["solved"])
        await threads.change(stage.discord, post, tags=["solved"])
        await stage.citable("it closes the file")
        await threads.change(stage.discord, post, tags=["bug"])
        await stage.gone("it closes the file")


async def test_an_accepted_reply_makes_a_thread_citable_if_its_asker_or_staff_accepted_it(stage):
    async with stage.bot():
        _, reply = await asked_and_answered(stage)
        eve = stage.discord.person("eve")
        await eve.react(reply, "✅")
        await asyncio.sleep(0.5)
        assert await stage.found(QUESTION) == []
        await stage.ada.react(reply, "✅")
        await stage.citable("(accepted answer)")
        await stage.ada.react(reply, "✅", back=True)
        await stage.gone("it closes the file")


async def test_a_closed_thread_of_an_ordinary_channel_is_learned_with_the_message_it_hangs_on(stage):
    async with stage.bot():
        question = await stage.ada.say(stage.channel, QUESTION)
        thread = await threads.begin(stage.discord, stage.ada.user, question, "Reading files")
        await stage.bob.say(thread, ANSWER)
        await threads.change(stage.discord, thread, archived=True)
        await stage.citable("it closes the file", readers_of=stage.channel)
        # Somebody goes on: what stood there stays.
        await threads.change(stage.discord, thread, archived=False)
        await stage.bob.say(thread, "Mind the encoding: pass utf-8.")
        await stage.citable("Mind the encoding", readers_of=stage.channel)
        assert await stage.found(QUESTION) == []  # for those who read another channel only
        await stage.discord.delete(question)
        await stage.gone("it closes the file", readers_of=stage.channel)


async def test_bots_webhooks_and_other_channels_are_never_learned(stage):
    world = stage.discord.world
    robot, elsewhere = stage.discord.person("robot"), world.add_channel(stage.guild, "off-topic")
    robot.user["bot"] = True
    async with stage.bot():
        post, _ = await asked_and_answered(stage)
        await robot.say(post, "Robots would read a file with magic.")
        await solve(stage, post)
        await stage.citable("it closes the file")
        question = await stage.ada.say(elsewhere, QUESTION)
        thread = await threads.begin(stage.discord, stage.ada.user, question, "Files")
        await stage.bob.say(thread, "Read the file elsewhere.")
        await threads.change(stage.discord, thread, archived=True)
        await asyncio.sleep(0.5)
        assert not any("magic" in text for text in await stage.found(QUESTION))
        assert await stage.found(QUESTION, readers_of=elsewhere) == []


async def test_whoever_opts_out_is_forgotten_at_once_and_never_learned_again(stage):
    async with stage.bot():
        post, _ = await asked_and_answered(stage)
        carol = stage.discord.person("carol")
        await carol.say(post, "I always use open with a with block.")
        await solve(stage, post)
        await stage.citable("with block")
        opened = await carol.slash(stage.channel, "privacy")
        kept = await until(lambda: opened.response)
        await told(await carol.click(kept, "Don't keep my questions"), "not kept")
        await stage.gone("with block")
        await stage.citable("it closes the file")
        await carol.say(post, "I say it again: a with block.")
        await stage.bob.say(post, "Mind the encoding: pass utf-8.")
        await stage.citable("Mind the encoding")
        assert not any("with block" in text for text in await stage.found(QUESTION))
        # Without the asker's question there is no thread.
        opened = await stage.ada.slash(stage.channel, "privacy")
        kept = await until(lambda: opened.response)
        await stage.ada.click(kept, "Don't keep my questions")
        await stage.gone("it closes the file")


@pytest.mark.parametrize("how", ["purge", "ban", "thread", "channel", "off"])
async def test_what_moderators_remove_goes(stage, how):
    async with stage.bot(live_channels=""):
        await told(await stage.ada.slash(stage.channel, "config learning", channel=stage.forum, on=True), "Saved")
        post, _ = await asked_and_answered(stage)
        spammer = stage.discord.person("spammer")
        spam = [await spammer.say(post, f"Read the file with my tool {number}.") for number in range(3)]
        await solve(stage, post)
        await stage.citable("with my tool 2")
        if how == "purge":
            await threads.purge(stage.discord, spam)
        elif how == "ban":
            await threads.ban(stage.discord, spam[0]["author"], stage.guild)
        elif how == "off":
            await told(await stage.ada.slash(stage.channel, "config learning", channel=stage.forum, on=False), "Saved")
        else:
            await threads.delete(stage.discord, post if how == "thread" else stage.forum)
        await stage.gone("with my tool")
        if how in ("purge", "ban"):
            assert any("it closes the file" in text for text in await stage.found(QUESTION))
        else:
            assert await stage.found(QUESTION) == []
        if how in ("off", "channel"):
            async with asyncio.timeout(60):
                while await stage.journal.source(f"discord-{stage.forum['id']}") is not None:
                    await asyncio.sleep(0.05)


async def test_what_happened_while_the_bot_was_away_is_caught_up(stage):
    async with stage.bot():
        kept, reply = await asked_and_answered(stage)
        dropped, _ = await asked_and_answered(stage, title="Dropped")
        await stage.bob.say(dropped, "A file is read by its lines.")
        await solve(stage, kept)
        await solve(stage, dropped)
        await stage.citable("by its lines")
    await threads.edit(stage.discord, reply, "Use the method read_bytes and decode what it gives.")
    await threads.delete(stage.discord, dropped)
    late, _ = await asked_and_answered(stage, title="Late")
    await stage.bob.say(late, "Reading in chunks is another way to read a file.")
    await threads.change(stage.discord, late, archived=True)
    async with stage.bot():
        await stage.citable("read_bytes and decode")
        await stage.gone("by its lines")
        await stage.citable("Reading in chunks")


async def test_the_past_of_a_channel_is_read_by_command_and_goes_on_after_a_restart(stage, monkeypatch):
    monkeypatch.setattr(past, "_PAGE", 4)
    monkeypatch.setattr(learner, "_FEW", 1)
    posts = []
    for number in range(10):
        post, _ = await asked_and_answered(stage, title=f"Post {number}")
        await stage.bob.say(post, f"Way {number} to read a file.")
        await threads.change(stage.discord, post, archived=True)
        posts.append(post)
    async with stage.bot(live_gap_s=1.0):
        await asyncio.sleep(0.3)
        assert await stage.found(QUESTION) == []  # nobody asked for the past
        click = await stage.ada.slash(stage.channel, "config history", channel=stage.forum)
        await until(lambda: "Reading: " in (click.response or {}).get("content", ""))
        while not await documents(stage):
            await asyncio.sleep(0.02)
    assert len(await documents(stage)) < 10
    async with stage.bot():
        await stage.citable("Way 0 to read")
        click = await stage.ada.slash(stage.channel, "config history", channel=stage.forum)
        await until(lambda: "Done: 10 of 10" in (click.response or {}).get("content", ""))
        assert "10 solved threads" in click.response["content"]


async def documents(stage):
    database = Database(f"sqlite+aiosqlite:///{stage.folder}/bot.db")
    try:
        return await Journal(database).documents(f"discord-{stage.forum['id']}")
    finally:
        await database.close()


async def test_without_the_content_intent_nothing_is_learned_and_admins_are_told_why(stage):
    async with stage.bot(message_content=False) as frontend:
        post, _ = await asked_and_answered(stage)
        await solve(stage, post)
        await asyncio.sleep(0.4)
        assert await stage.found(QUESTION) == []
        assert "message content intent" in frontend.status.warning
        refused = await stage.ada.slash(stage.channel, "config history", channel=stage.forum)
        await told(refused, "message content intent")


async def test_what_was_deleted_goes_even_while_nothing_can_be_embedded(stage, encoder):
    async with stage.bot():
        post, reply = await asked_and_answered(stage)
        await stage.bob.say(post, "Mind the encoding: pass utf-8.")
        await solve(stage, post)
        await stage.citable("it closes the file")
        (vector,) = await stage.embeddings.embed([QUESTION], "query")
        encoder.broken_after = 0
        try:
            await stage.discord.delete(reply)
            await stage.gone("it closes the file", vector=vector)
        finally:
            encoder.broken_after = None
        await stage.citable("Mind the encoding")


async def test_a_thread_that_can_not_be_read_now_is_read_later(stage):
    async with stage.bot():
        post, _ = await asked_and_answered(stage)
        stage.discord.faults.add(Fault("status", method="GET", path=f"/channels/{post['id']}/messages", times=3))
        stage.discord.faults.add(Fault("reset_before", method="GET", path=f"/channels/{post['id']}$"))
        await solve(stage, post)
        await stage.citable("it closes the file")
