"""What clumsy and hostile people do, and what admins change while it is used."""

import asyncio

import pytest
from askmesh_bot.frontends.discord import catalog
from sqlalchemy.exc import OperationalError

from .conftest import staged, until
from .emulator import threads
from .emulator.gateway import guild_create
from .scripted import ANSWER, answered
from .test_buttons import answer, told
from .test_config import configure, show
from .test_fault_table import thread_of, words_in
from .test_sources import learned

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("question", ["   ", "\u200b\u2060", "\n"])
async def test_a_question_without_words_is_not_asked(tmp_path, question):
    async with staged(tmp_path) as stage:
        await told(await stage.ada.slash(stage.channel, "ask", question=question), "There are no words")
        await stage.ada.mention(stage.channel, question)
        await stage.answer_with("/ask", stage.messages)
        assert stage.assistant.questions == []


async def test_only_a_file_gets_a_word_where_the_bot_was_addressed(tmp_path):
    async with staged(tmp_path) as stage:
        await stage.ada.mention(stage.channel, "", file="error.png")
        await stage.answer_with("/ask", stage.messages)
        direct = stage.discord.world.add_dm(stage.ada.user)
        await stage.ada.say(direct, "", file="error.png")
        await stage.answer_with("/ask", lambda: stage.messages(direct))
        picture = await stage.discord.person("bob").say(stage.channel, "", file="error.png")
        await told(await stage.ada.menu(picture, "Ask about this message"), "There are no words")
        assert stage.assistant.questions == []


async def test_a_question_that_is_too_long_is_told_how_long_it_may_be(tmp_path):
    async with staged(tmp_path) as stage:
        await stage.ada.slash(stage.channel, "ask", question="why " * 1500)
        await stage.answer_with("at most 2000 are read", stage.messages)
        thread = await thread_of(stage, "why " * 990)
        await words_in(stage, thread, "at most 2000 are read")
        assert len(thread["name"]) <= 100


async def test_a_command_that_is_delivered_twice_is_answered_once(tmp_path):
    async with staged(tmp_path) as stage:
        stage.assistant.script = lambda question: answered(ANSWER, pause_s=0.03)
        click = await stage.ada.slash(stage.channel, "ask", question="How?")
        await stage.discord.gateway.dispatch("INTERACTION_CREATE", click.payload)
        await stage.answer_with("**Sources**", stage.messages)
        await stage.discord.gateway.dispatch("INTERACTION_CREATE", click.payload)
        await asyncio.sleep(0.3)
        await until(lambda: not stage.frontend.busy)
        assert len(stage.messages()) == 1
    assert len(stage.assistant.questions) == 1


async def test_in_a_locked_thread_the_asker_hears_why_in_private(tmp_path):
    async with staged(tmp_path) as stage:
        thread = await thread_of(stage, "How?")
        await words_in(stage, thread, "**Sources**")
        await threads.change(stage.discord, thread, locked=True)
        await stage.ada.mention(thread, "And then?")
        direct = stage.discord.world.add_dm(stage.ada.user)
        await stage.answer_with("**Manage Threads**", lambda: stage.messages(direct))
    assert len(stage.assistant.questions) == 1


async def test_a_thread_that_is_closed_in_mid_answer_is_opened_for_its_last_words(tmp_path):
    async with staged(tmp_path) as stage:
        stage.assistant.script = lambda question: answered(ANSWER, pause_s=0.06)
        thread = await thread_of(stage, "How?")
        await until(lambda: stage.messages(thread))
        await threads.change(stage.discord, thread, archived=True)
        await words_in(stage, thread, "**Sources**")
        assert len(stage.messages(thread)) == 1


async def test_a_server_that_was_left_and_joined_again_keeps_its_options(tmp_path):
    async with staged(tmp_path) as stage:
        await configure(stage, "language", "Language: Deutsch", language="de")
        key = stage.guild["id"]
        await stage.discord.gateway.dispatch("GUILD_DELETE", {"id": key, "guild_id": key})
        await stage.discord.gateway.dispatch("GUILD_CREATE", guild_create(stage.discord.world, stage.guild))
        await stage.ada.mention(stage.channel, "")
        await stage.answer_with("Erwähne mich", stage.messages)
        await words_in(stage, await thread_of(stage, "How?"), "**Quellen**")


async def test_options_that_name_what_was_deleted_say_so(tmp_path):
    async with staged(tmp_path) as stage:
        world = stage.discord.world
        other, helpers = world.add_channel(stage.guild, "other"), world.add_role(stage.guild, "helpers")
        await stage.discord.gateway.dispatch("CHANNEL_CREATE", other)
        await stage.discord.gateway.dispatch("GUILD_ROLE_CREATE", {"guild_id": stage.guild["id"], "role": helpers})
        await configure(stage, "channels", "Saved", channel=other)
        await configure(stage, "human", "Saved", role=helpers)
        assert not any("⚠️" in value for value in (await show(stage)).values())
        await threads.delete(stage.discord, other)
        gone = {"guild_id": stage.guild["id"], "role_id": helpers["id"]}
        await stage.discord.gateway.dispatch("GUILD_ROLE_DELETE", gone)
        await asyncio.sleep(0.1)
        shown = await show(stage)
        assert sum("⚠️" in value for value in shown.values()) == 2
        assert any(f"can't see it: {other['id']}" in value for value in shown.values())


async def test_asking_again_keeps_to_the_source_that_was_chosen(tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "_KEEP_S", 0.0)
    async with staged(tmp_path) as stage:
        await learned(stage, ("stdlib", "Python standard library", "default", []))
        await stage.ada.slash(stage.channel, "ask", question="How?", source="stdlib")
        message = await until(lambda: next((m for m in stage.messages() if m["components"]), None))
        click = await stage.ada.click(message, "Ask again")
        await until(lambda: "**Sources**" in ((click.response or {}).get("content") or ""))
    assert [question.sources for question in stage.assistant.questions] == [("stdlib",), ("stdlib",)]


async def test_everyones_verdict_is_kept(tmp_path):
    async with staged(tmp_path) as stage:
        message = await answer(stage)
        bob = stage.discord.person("bob")
        await told(await stage.ada.click(message, "Helpful"), "Thank you")
        opened = await bob.click(message, "Not helpful")
        await until(lambda: opened.modal)
        await told(await bob.submit(opened, "Too short."), "Thank you")
        again = await bob.click(message, "Not helpful")  # and closes the form
        await until(lambda: again.modal)
        await asyncio.sleep(0.1)
        assert sorted(row[1:] for row in await stage.feedback()) == [("down", "Too short."), ("up", "")]


async def test_a_mention_is_answered_though_what_is_learned_can_not_be_noted(tmp_path, monkeypatch):
    async def broken(self, *_, **__):
        raise OperationalError("UPDATE", {}, Exception("disk full"))

    async with staged(tmp_path) as stage:
        monkeypatch.setattr("askmesh_bot.frontends.discord.live.hearing.Hearing.wrote", broken)
        await words_in(stage, await thread_of(stage, "How?"), "**Sources**")
        assert stage.frontend.status.restarts == 0
