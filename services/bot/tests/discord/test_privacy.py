"""`/privacy`: what is kept, deleting it, and not being kept at all."""

import pytest

from .conftest import staged, until
from .test_buttons import answer, labels, told

pytestmark = pytest.mark.anyio


async def privacy(stage, person, button=None):
    """What a button of `/privacy` says to a person; without one, the response itself."""
    interaction = await person.slash(stage.channel, "privacy")
    await told(interaction, "What I keep of you")
    if button is None:
        return interaction.response
    click = await person.click(interaction.response, button)
    await until(lambda: (click.response or {}).get("content"))
    assert click.ephemeral
    return click.response


async def test_it_says_how_long_what_is_kept(tmp_path):
    async with staged(tmp_path) as stage:
        response = await privacy(stage, stage.ada)
    assert "for 30 days" in response["content"]
    assert labels(response) == ["Delete mine", "Don't keep my questions"]


async def test_delete_takes_a_persons_conversations_feedback_and_their_part_in_others(tmp_path):
    async with staged(tmp_path) as stage:
        bob = stage.discord.person("bob")
        bobs = await answer(stage, "Bob's own question?", bob)
        click = await stage.ada.click(bobs, "Helpful")
        await told(click, "Thank you")
        adas = await answer(stage, "Ada's question?")
        await told(await bob.click(adas, "Helpful"), "Thank you")
        thread = stage.discord.world.channels[bobs["channel_id"]]
        await stage.ada.mention(thread, "Ada's question in Bob's thread?")
        await until(lambda: len([m for m in stage.messages(thread) if m["components"]]) == 2)

        assert "Deleted: 1 conversations" in (await privacy(stage, stage.ada, "Delete mine"))["content"]
        assert await stage.questions() == ["Bob's own question?"]
        assert await stage.feedback() == []  # Ada's verdict on Bob's answer, and Bob's on hers
        await told(await bob.click(bobs, "Sources"), "Open the file")
        # Again: nothing is left.
        assert "Deleted: 0 conversations" in (await privacy(stage, stage.ada, "Delete mine"))["content"]


async def test_who_opted_out_is_answered_and_not_kept_until_they_opt_in(tmp_path):
    async with staged(tmp_path) as stage:
        assert "not kept" in (await privacy(stage, stage.ada, "Don't keep my questions"))["content"]
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "First?"))
        message = await stage.answer_with("**Sources**", lambda: stage.messages(thread))
        assert message["components"] == []
        assert await stage.questions() == []
        response = await privacy(stage, stage.ada)
        assert "You opted out" in response["content"]
        assert labels(response) == ["Delete mine", "Keep my questions"]
        # Others are kept as before.
        await answer(stage, "Bob's?", stage.discord.person("bob"))
        assert "kept again" in (await privacy(stage, stage.ada, "Keep my questions"))["content"]
        await answer(stage, "Second?")
        assert await stage.questions() == ["Bob's?", "Second?"]
