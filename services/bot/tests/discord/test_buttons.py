"""The buttons below an answer, also after a restart."""

import asyncio
from datetime import UTC, datetime

import pytest
from askmesh_bot.database.discord import DiscordAnswerRow
from askmesh_bot.database.models import DocumentRow
from sqlalchemy import delete, update

from .conftest import staged, until
from .scripted import READ_TEXT, abstained

pytestmark = pytest.mark.anyio

QUESTION = "How do I read a text file?"


def labels(message):
    return [button["label"] for row in message["components"] for button in row["components"]]


async def answer(stage, question=QUESTION, person=None):
    """The message of a finished answer to a mention."""
    thread = await stage.thread_of(await (person or stage.ada).mention(stage.channel, question))
    message = await until(lambda: next((m for m in stage.messages(thread) if m["components"]), None))
    await noted(stage, message)
    return message


async def noted(stage, message):
    """Waits until it is known what an answer cites: a moment after it is there."""
    async with asyncio.timeout(60):
        while True:
            async with stage.database.read() as session:
                if await session.get(DiscordAnswerRow, int(message["id"])):
                    return
            await asyncio.sleep(0.02)


async def told(interaction, text):
    """The private response that comes to hold `text`."""
    await until(lambda: text in ((interaction.response or {}).get("content") or ""))
    assert interaction.ephemeral
    return interaction.response["content"]


async def test_an_answer_has_buttons_in_one_row(tmp_path):
    async with staged(tmp_path) as stage:
        message = await answer(stage)
    assert labels(message) == ["Helpful", "Not helpful", "Sources", "Ask again"]
    assert "**Sources**" in message["content"]


async def test_helpful_is_kept_for_the_answer(tmp_path):
    async with staged(tmp_path) as stage:
        message = await answer(stage)
        await told(await stage.discord.person("bob").click(message, "Helpful"), "Thank you")
        ((answer_id, verdict, reason),) = await stage.feedback()
        assert (verdict, reason) == ("up", "")
        assert answer_id in message["components"][0]["components"][0]["custom_id"]


async def test_not_helpful_asks_for_the_reason_and_counts_without_one(tmp_path):
    async with staged(tmp_path) as stage:
        message = await answer(stage)
        click = await stage.ada.click(message, "Not helpful")
        modal = await until(lambda: click.modal)
        assert modal["title"] == "What was wrong?"
        while not await stage.feedback():
            await asyncio.sleep(0.01)
        assert [row[1:] for row in await stage.feedback()] == [("down", "")]
        await told(await stage.ada.submit(click, "It is about another version."), "Thank you")
        assert [row[1:] for row in await stage.feedback()] == [("down", "It is about another version.")]


async def test_sources_are_shown_in_private_with_what_they_say(tmp_path):
    async with staged(tmp_path) as stage:
        message = await answer(stage)
        content = await told(await stage.discord.person("bob").click(message, "Sources"), READ_TEXT)
    assert "> Open the file in text mode" in content
    assert "(<http://bot.example.org/read/default/docs/deploy.md#L3-L9>)" in content


async def test_an_abstention_shows_the_nearest_sources(tmp_path):
    async with staged(tmp_path) as stage:
        stage.assistant.script = lambda question: abstained()
        message = await answer(stage)
        await told(await stage.ada.click(message, "Sources"), "> Open the file in text mode")


@pytest.mark.parametrize(
    "taken_back",
    [delete(DocumentRow), update(DocumentRow).values(synced_at=datetime(2100, 1, 1, tzinfo=UTC))],
    ids=["deleted", "learned anew"],
)
@pytest.mark.parametrize("script", [None, abstained], ids=["answered", "abstained"])
async def test_what_was_taken_back_since_is_not_quoted_any_more(tmp_path, taken_back, script):
    async with staged(tmp_path) as stage:
        if script:
            stage.assistant.script = lambda question: script()
        message = await answer(stage)
        async with stage.database.write() as session:
            await session.execute(taken_back)
        content = await told(await stage.ada.click(message, "Sources"), READ_TEXT)
    assert "Open the file" not in content


async def test_only_the_asker_asks_again(tmp_path):
    async with staged(tmp_path) as stage:
        message = await answer(stage)
        await told(await stage.discord.person("bob").click(message, "Ask again"), "Only whoever asked")
        click = await stage.ada.click(message, "Ask again")
        await until(lambda: "**Sources**" in ((click.response or {}).get("content") or ""))
        assert click.response["id"] != message["id"]
    assert [question.text for question in stage.assistant.questions] == [QUESTION, QUESTION]


async def test_buttons_and_an_open_form_work_after_a_restart(tmp_path):
    async with staged(tmp_path) as stage:
        message = await answer(stage)
        opened = await stage.ada.click(message, "Not helpful")
        await until(lambda: opened.modal)
        await stage.frontend.stop()
        again = stage.restarted(tmp_path)
        await again.start()
        await until(lambda: again.status.state == "ready")
        await told(await stage.ada.submit(opened, "Too short."), "Thank you")
        assert [row[1:] for row in await stage.feedback()] == [("down", "Too short.")]
        await told(await stage.ada.click(message, "Sources"), READ_TEXT)
        await told(await stage.ada.click(message, "Helpful"), "Thank you")
        await again.stop()
        assert [row[1] for row in await stage.feedback()] == ["up"]


async def test_an_answer_that_is_no_longer_kept_is_said_to_be(tmp_path):
    async with staged(tmp_path) as stage:
        message = await answer(stage)
        await stage.conversations.forget(f"discord:{stage.ada.user['id']}")
        for label in ("Helpful", "Sources", "Ask again"):
            await told(await stage.ada.click(message, label), "no longer kept")


async def test_a_click_that_breaks_gets_an_apology(tmp_path):
    async with staged(tmp_path) as stage:
        message = await answer(stage)
        await stage.database.close()
        (tmp_path / "bot.db").write_bytes(b"not a database" * 999)
        await told(await stage.ada.click(message, "Helpful"), "something went wrong on my side")
