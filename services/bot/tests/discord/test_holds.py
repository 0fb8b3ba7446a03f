"""Who answers what, between processes."""

import pytest
from askmesh_bot.frontends.discord.holds import Holds
from askmesh_bot.frontends.discord.journal import Journal

from .conftest import staged, until
from .conversations import scripted_conversations

pytestmark = pytest.mark.anyio

ASKED, WHERE = 1_111, 2_222


@pytest.fixture
async def database(tmp_path):
    async with scripted_conversations(tmp_path) as (_, _, database):
        yield database


async def test_what_is_alive_is_not_taken_over_and_what_is_silent_is_taken_over_once(database):
    first, second, third = Holds(database), Holds(database), Holds(database)
    held = await first.take(ASKED, "message", WHERE, "de")
    assert held
    assert await second.take(ASKED, "message", WHERE, "de") is None
    (seen,) = await second.orphans()
    await held.confirm()
    assert await second.take_over(seen) is None
    await held.show([(WHERE, 3_333)])
    (seen,) = await second.orphans()
    assert (seen.channel_id, seen.language, list(seen.shown)) == (WHERE, "de", [(WHERE, 3_333)])
    again = await second.take_over(seen)
    assert again
    assert again.again == 1
    assert await third.take_over(seen) is None
    # Whoever wakes up too late writes no word, and does not end what is no longer theirs.
    assert not await held.confirm()
    assert not await held.current()
    await held.done()
    await first.mark_done(ASKED)
    assert [orphan.message_id for orphan in await third.orphans()] == [ASKED]
    await again.done()
    assert await third.orphans() == []


async def test_what_ended_is_nobodys_and_what_runs_here_is_no_orphan(database):
    holds = Holds(database)
    held = await holds.take(ASKED, "message", WHERE, "en")
    async with held:
        assert await holds.orphans() == []
        assert len(await Holds(database).orphans()) == 1
    assert await Holds(database).orphans() == []
    assert await Journal(database).take(ASKED + 1)  # staff answered: done at once
    assert await Holds(database).orphans() == []


async def test_what_a_killed_process_left_is_answered_wherever_it_was_asked(tmp_path):
    async with staged(tmp_path) as stage:
        await stage.frontend.stop()
        world, dead = stage.discord.world, Holds(stage.database)
        direct = world.add_dm(stage.ada.user)
        asked = await stage.ada.say(direct, "In private?")
        hopeless = await stage.ada.mention(stage.channel, "What kills you?")
        for message, channel in ((asked, direct), (hopeless, stage.channel)):
            assert await dead.take(int(message["id"]), "message", int(channel["id"]), "de")
        await dead.update(int(hopeless["id"]), again=2)
        # A question that is gone, and none of its answer was there: nobody waits for a word.
        assert await dead.take(ASKED, "message", int(stage.channel["id"]), "de")
        again = stage.restarted(tmp_path)
        await again.start()
        await until(lambda: stage.messages(direct) and "**Sources**" in stage.messages(direct)[0]["content"])
        await until(lambda: stage.messages())
        await until(lambda: not again.busy)
        await again.stop()
        assert len(stage.messages(direct)) == 1
        assert ["neu gestartet" in message["content"] for message in stage.messages()] == [True]
        assert await Holds(stage.database).orphans() == []
    assert [question.text for question in stage.assistant.questions] == ["In private?"]
