"""`/ask`, from the command to the edited answer with its citations."""

import asyncio

import pytest

from .conftest import staged, until
from .scripted import ANSWER, READ_TEXT, answered

pytestmark = pytest.mark.anyio

QUESTION = "How do I read a text file?"


async def test_ask_is_answered_by_editing_one_message(tmp_path):
    async with staged(tmp_path) as stage:
        acknowledged = []

        def script(question):
            acknowledged.extend(each.acknowledged for each in stage.discord.interactions.by_id.values())
            return answered(ANSWER)

        stage.assistant.script = script
        interaction = await stage.ada.slash(stage.channel, "ask", question=QUESTION)
        message = await stage.answer_with("**Sources**", stage.messages)
    assert message["id"] == interaction.response["id"]
    assert message["content"].startswith(f"> {QUESTION}\n")
    assert f"on the path [1](<{READ_TEXT}>)" in message["content"]
    assert "[2](<http://bot.example.org/read/default/docs/deploy.md#L3-L9>)" in message["content"]
    assert len(stage.messages()) == 1
    assert acknowledged == [interaction.acknowledged]  # before the assistant was asked


async def test_the_answer_gets_a_thread_where_the_conversation_goes_on(tmp_path):
    async with staged(tmp_path) as stage:
        interaction = await stage.ada.slash(stage.channel, "ask", question=QUESTION)
        await stage.answer_with("**Sources**", stage.messages)
        thread = await stage.thread_of(interaction.response)
        assert thread["name"] == QUESTION
        await stage.ada.mention(thread, "And a binary one?")
        await stage.answer_with("**Sources**", lambda: stage.messages(thread))
    assert [turn.question for turn in stage.assistant.questions[1].history] == [QUESTION]


async def test_a_reply_to_the_answer_goes_on_too(tmp_path):
    async with staged(tmp_path) as stage:
        interaction = await stage.ada.slash(stage.channel, "ask", question=QUESTION)
        await stage.answer_with("**Sources**", stage.messages)
        reply = await stage.ada.say(stage.channel, "And a binary one?", reply_to=interaction.response)
        thread = await stage.thread_of(reply)
        await stage.answer_with("**Sources**", lambda: stage.messages(thread))
    assert stage.assistant.questions[1].text == "And a binary one?"
    assert [turn.question for turn in stage.assistant.questions[1].history] == [QUESTION]


async def test_a_private_answer_is_seen_by_its_asker_only(tmp_path):
    async with staged(tmp_path) as stage:
        interaction = await stage.ada.slash(stage.channel, "ask", question=QUESTION, private=True)
        await until(lambda: "**Sources**" in ((interaction.response or {}).get("content") or ""))
        await asyncio.sleep(0.1)
        assert interaction.ephemeral
        assert stage.messages() == []
        assert interaction.response["id"] not in stage.discord.world.channels


async def test_an_answer_that_outlives_its_token_arrives_as_a_message(tmp_path):
    async with staged(tmp_path) as stage:
        stage.discord.world.interaction_token_s = 0.6
        stage.assistant.script = lambda question: answered(ANSWER, pause_s=0.12)
        interaction = await stage.ada.slash(stage.channel, "ask", question=QUESTION)
        message = await stage.answer_with("**Sources**", stage.messages)
    assert message["id"] != interaction.response["id"]
    assert len([m for m in stage.messages() if "**Sources**" in m["content"]]) == 1


async def test_a_private_answer_that_outlives_its_token_arrives_as_a_direct_message(tmp_path):
    async with staged(tmp_path) as stage:
        stage.discord.world.interaction_token_s = 0.6
        stage.assistant.script = lambda question: answered(ANSWER, pause_s=0.12)
        await stage.ada.slash(stage.channel, "ask", question=QUESTION, private=True)
        direct = stage.discord.world.add_dm(stage.ada.user)
        await stage.answer_with("**Sources**", lambda: stage.messages(direct))
        assert stage.messages() == []


async def test_an_interaction_that_expired_before_it_was_acknowledged_is_answered_in_the_channel(tmp_path):
    async with staged(tmp_path) as stage:
        stage.discord.world.interaction_ack_s = -1.0  # every callback comes too late: 10062
        await stage.ada.slash(stage.channel, "ask", question=QUESTION)
        await stage.answer_with("**Sources**", stage.messages)


async def test_an_interaction_that_another_process_took_is_left_to_it(tmp_path):
    async with staged(tmp_path) as stage:
        interaction = stage.discord.interactions.new(stage.channel, stage.ada.user, 2, {})
        interaction.payload["data"] = {
            "id": stage.discord.world.commands[0]["id"],
            "name": "ask",
            "type": 1,
            "options": [{"name": "question", "type": 3, "value": QUESTION}],
        }
        stage.discord.interactions.acknowledge(interaction.id, interaction.token, {"type": 5})  # 40060 for the bot
        await stage.discord.gateway.dispatch("INTERACTION_CREATE", interaction.payload)
        await until(lambda: any(r.status == 400 and r.path.endswith("/callback") for r in stage.discord.requests))
        await asyncio.sleep(0.1)
        assert stage.assistant.questions == []


async def test_help_is_private(tmp_path):
    async with staged(tmp_path) as stage:
        interaction = await stage.ada.slash(stage.channel, "help")
        await until(lambda: interaction.response)
        assert interaction.ephemeral
        assert "/ask" in interaction.response["content"]


async def test_commands_are_registered_only_where_discord_lacks_them(tmp_path):
    async with staged(tmp_path) as stage:
        await stage.frontend.stop()
        assert [command["name"] for command in stage.discord.world.commands] == [
            "ask",
            "config",
            "help",
            "privacy",
            "Ask about this message",
        ]
        again = stage.restarted(tmp_path)
        await again.start()
        await until(lambda: len([r for r in stage.discord.requests if r.path.endswith("/commands")]) >= 3)
        await again.stop()
        assert len([r for r in stage.discord.requests if r.method == "PUT"]) == 1
