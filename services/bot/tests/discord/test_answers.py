"""What people read: abstentions, sources without a model, failures, long answers, hostile ones."""

import asyncio

import pytest

from .conftest import staged, until
from .reading import fences_closed, seen
from .scripted import PASSAGES, abstained, answered, broken, failed, passage, sources_only
from .test_markdown import HOSTILE

pytestmark = pytest.mark.anyio


async def ask(stage, text="How do I read a text file?"):
    """The finished answer to a mention: what stands in its thread when nothing is being written any more."""
    thread = await stage.thread_of(await stage.ada.mention(stage.channel, text))
    await until(lambda: stage.messages(thread) and not stage.frontend.busy)
    return [message["content"] for message in stage.messages(thread)]


async def test_an_abstention_offers_the_nearest_sources(tmp_path):
    async with staged(tmp_path) as stage:
        stage.assistant.script = lambda question: abstained()
        (content,) = await ask(stage, "What is the boiling point of tungsten?")
    assert content.startswith("I couldn't find the answer")
    assert "**Nearest sources**\n-# [1](<https://docs.example.org/" in content


async def test_with_the_model_down_the_sources_answer(tmp_path):
    async with staged(tmp_path) as stage:
        stage.assistant.script = lambda question: sources_only()
        (content,) = await ask(stage)
    assert content.startswith("> Open the file in text mode. [1](<")
    assert "**Nearest sources**" in content


async def test_a_failure_is_told_kindly_and_without_the_operators_remedy(tmp_path):
    async with staged(tmp_path) as stage:
        stage.assistant.script = lambda question: failed()
        (content,) = await ask(stage)
    assert content == "Sorry, I can't answer this right now. The search is not reachable. Please try again in a moment."


async def test_a_defect_is_told_with_a_reference_for_the_log(tmp_path):
    async with staged(tmp_path) as stage:
        stage.assistant.script = lambda question: broken()
        (content,) = await ask(stage)
        assert content.startswith("Sorry, something went wrong on my side.")
        # And the next question is answered.
        stage.assistant.script = lambda question: answered("Yes [1].")
        assert "Yes [1](<" in (await ask(stage))[0]


async def test_an_answer_that_takes_too_long_is_ended_in_words(tmp_path):
    async with staged(tmp_path, answer_deadline_s=0.3) as stage:
        stage.assistant.script = lambda question: answered("word " * 100, pause_s=0.1)
        (content,) = await ask(stage)
    assert content.startswith("Sorry, the answer took too long")


async def test_one_person_waits_for_a_few_answers_at_once(tmp_path):
    async with staged(tmp_path, answers_per_user=1) as stage:
        refused = []
        stage.assistant.script = lambda question: answered("word " * 10, holds=lambda said: said and not refused)
        first = await stage.ada.mention(stage.channel, "First?")
        await until(lambda: stage.frontend.busy)
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "Second?"))
        refused.append(await stage.answer_with("You are already waiting for 1", lambda: stage.messages(thread)))
        await until(lambda: not stage.frontend.busy)
    assert [question.text for question in stage.assistant.questions] == ["First?"]
    assert first["id"] in stage.discord.world.channels


async def test_a_long_answer_takes_several_messages_with_closed_fences(tmp_path):
    code = "\n".join(f"line_{number} = {number}  # the {number}th" for number in range(250))
    text = f"Do this [1]:\n\n```python\n{code}\n```\n\nThat is all [2]."
    async with staged(tmp_path) as stage:
        stage.assistant.script = lambda question: answered(text)
        contents = await ask(stage)
        assert [r for r in stage.discord.requests if r.status == 400] == []
    assert len(contents) > 2
    assert all(len(content) <= 2000 and fences_closed(content) for content in contents)
    shown = "\n".join(contents)
    assert all(f"line_{number} = {number}  #" in shown for number in range(250))
    assert "That is all [2](<" in shown


@pytest.mark.parametrize("text", [HOSTILE[0], "\n".join(HOSTILE[:15])])
async def test_a_hostile_answer_pings_nobody_and_links_nowhere_else(tmp_path, text):
    async with staged(tmp_path) as stage:
        hostile = passage(3, url="javascript:alert(1)", header="@everyone [x](https://evil.example) `")
        stage.assistant.script = lambda question: answered(text, passages=(*PASSAGES, hostile), cited=(1, 3))
        await stage.ada.slash(stage.channel, "ask", question="@everyone # <@1> [x](https://evil.example)?")
        await until(lambda: stage.messages() and not stage.frontend.busy)
        asked = await stage.ada.mention(stage.channel, "Again?")
        thread = await stage.thread_of(asked)
        await until(lambda: stage.messages(thread) and not stage.frontend.busy)
    written = [*stage.messages(), *stage.messages(thread)]
    for message in written:
        assert [message[key] for key in ("mentions", "mention_roles", "mention_everyone")] == [[], [], False]
    # Nor did any intermediate edit, nor was any request left to Discord's defaults.
    allowed = {"https://docs.example.org/", "http://bot.example.org/"}
    for content in [message["content"] for message in written] + [
        content for edits in stage.discord.edits.values() for _, content in edits
    ]:
        found = seen(content)
        assert not found.pings
        assert {heading.strip()[:2] for heading in found.headings} <= {"-#"}  # our own small print
        assert all(any(link.startswith(start) for start in allowed) for link in found.links)
    bodies = [r.body for r in stage.discord.requests if isinstance(r.body, dict) and "content" in r.body]
    assert all(body["allowed_mentions"]["parse"] == [] for body in bodies)


async def test_replies_do_not_ping_their_asker(tmp_path):
    async with staged(tmp_path) as stage:
        await stage.ada.mention(stage.channel, "")
        (message,) = await until(stage.messages)
        await asyncio.sleep(0)
    assert message["message_reference"]
    assert message["mentions"] == []
