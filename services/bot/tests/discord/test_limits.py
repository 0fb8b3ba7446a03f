"""How often people may ask, and what they are told."""

import pytest
from askmesh_bot.frontends.discord.journal import Journal
from askmesh_bot.frontends.discord.limits import Limits

from .conftest import staged, until
from .test_buttons import told

pytestmark = pytest.mark.anyio


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "discord.db")
    yield journal
    journal.close()


async def test_a_person_pauses_between_questions_and_others_do_not_wait(journal):
    now = [100.0]
    limits = Limits(journal, cooldown_s=10, daily_answers=0, clock=lambda: now[0])
    assert await limits.refusal(1, 7, "en") is None
    now[0] += 2.5
    assert "in 8 s" in await limits.refusal(1, 7, "en")
    assert await limits.refusal(2, 7, "en") is None
    now[0] += 7.5
    assert await limits.refusal(1, 7, "en") is None


async def test_a_servers_budget_outlives_a_restart_and_leaves_other_places_alone(journal, tmp_path):
    limits = Limits(journal, cooldown_s=0, daily_answers=2)
    assert [await limits.refusal(user, 7, "en") is None for user in (1, 2, 3)] == [True, True, False]
    other = Journal(tmp_path / "discord.db")
    again = Limits(other, cooldown_s=0, daily_answers=2)
    assert "heute" in await again.refusal(4, 7, "de")
    assert await again.refusal(4, 8, "de") is None
    assert await again.refusal(4, None, "de") is None
    other.close()


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
