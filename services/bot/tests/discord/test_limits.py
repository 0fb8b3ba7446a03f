"""How often people may ask, and what they are told."""

import sqlite3
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta

import pytest
from askmesh_bot.frontends.discord.adoption import adopt
from askmesh_bot.frontends.discord.config.base import GuildConfig
from askmesh_bot.frontends.discord.config.store import GuildConfigs
from askmesh_bot.frontends.discord.journal import Journal, Place
from askmesh_bot.frontends.discord.limits import Limits

from .conftest import staged, until
from .conversations import scripted_conversations
from .test_buttons import told

pytestmark = pytest.mark.anyio

DAY = datetime(2026, 11, 21, 12, tzinfo=UTC)


@asynccontextmanager
async def limits(tmp_path, clock=lambda: 0.0, today=lambda: DAY, **options):
    """The limits of a process whose servers all have these options."""
    async with scripted_conversations(tmp_path) as (_, _, database):
        made = Limits(Journal(database), GuildConfigs(database, GuildConfig(**options)), clock, today)
        await made.load()
        yield made
        await made.settled()


async def test_a_person_pauses_between_questions_and_others_do_not_wait(tmp_path):
    now = [100.0]
    async with limits(tmp_path, clock=lambda: now[0], cooldown_s=10) as these:
        assert these.refusal(1, 7, "en") is None
        now[0] += 2.5
        assert "in 8 s" in these.refusal(1, 7, "en")
        assert these.refusal(2, 7, "en") is None
        now[0] += 7.5
        assert these.refusal(1, 7, "en") is None


async def test_a_servers_budget_outlives_a_restart_and_leaves_other_places_alone(tmp_path):
    async with limits(tmp_path, daily_answers=2) as first:
        assert [first.refusal(user, 7, "en") is None for user in (1, 2, 3)] == [True, True, False]
    async with limits(tmp_path, daily_answers=2) as again:
        assert "heute" in again.refusal(4, 7, "de")
        assert again.refusal(4, 8, "de") is None
        assert again.refusal(4, None, "de") is None
    async with limits(tmp_path, daily_answers=2, today=lambda: DAY + timedelta(days=1)) as tomorrow:
        assert tomorrow.refusal(4, 7, "de") is None


async def test_what_an_earlier_version_kept_in_a_file_is_taken_over_once(tmp_path):
    file = tmp_path / "discord.db"
    with closing(sqlite3.connect(file)) as old:
        old.executescript(
            "CREATE TABLE opted_out (user_id); INSERT INTO opted_out VALUES (5);"
            "CREATE TABLE people (answer_id, what, user_id, at); INSERT INTO people VALUES ('a', 'asked', 6, 0);"
            "CREATE TABLE places (place_id, conversation_id, asker_id, at); INSERT INTO places VALUES (7, 'c', 6, 0);"
        )
    async with scripted_conversations(tmp_path) as (_, _, database):
        journal = Journal(database)
        await adopt(tmp_path, journal)
        assert await journal.opted_out(5)
        assert await journal.noted(6, "asked") == ["a"]
        assert await journal.place(7) == Place("c", 6)
        await journal.opt_out(5, False)
        await adopt(tmp_path, journal)
        assert not await journal.opted_out(5)
        file.write_text("not a database")
        await adopt(tmp_path, journal)


async def test_a_mention_and_a_command_too_soon_are_refused_kindly_without_a_thread(tmp_path):
    async with staged(tmp_path, cooldown_s=60) as stage:
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "First?"))
        await stage.answer_with("**Sources**", lambda: stage.messages(thread))
        second = await stage.ada.mention(stage.channel, "Second?")
        refusal = await stage.answer_with("One moment, please", stage.messages)
        assert refusal["message_reference"]["message_id"] == second["id"]
        assert second["id"] not in stage.discord.world.channels
        await told(await stage.ada.slash(stage.channel, "ask", question="Third?"), "One moment, please")
    assert [question.text for question in stage.assistant.questions] == ["First?"]


async def test_a_server_that_has_used_its_answers_hears_when_it_goes_on(tmp_path):
    async with staged(tmp_path, daily_answers=1) as stage:
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "First?"))
        await stage.answer_with("**Sources**", lambda: stage.messages(thread))
        bob = stage.discord.person("bob")
        await told(await bob.slash(stage.channel, "ask", question="Second?"), "today's 1 answers")
        direct = stage.discord.world.add_dm(bob.user)
        await bob.say(direct, "In private?")
        await until(lambda: any("**Sources**" in message["content"] for message in stage.messages(direct)))
