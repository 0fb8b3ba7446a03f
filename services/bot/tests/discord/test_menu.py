"""The message menu: asking about what somebody wrote."""

import pytest

from .conftest import staged, until

pytestmark = pytest.mark.anyio

ENTRY = "Ask about this message"


async def test_a_message_is_answered_for_whoever_asks_about_it(tmp_path):
    async with staged(tmp_path) as stage:
        bob = stage.discord.person("bob")
        message = await bob.say(stage.channel, "How do I read a text file?")
        interaction = await stage.ada.menu(message, ENTRY)
        await stage.answer_with("**Sources**", stage.messages)
        assert interaction.response["content"].startswith("> How do I read a text file?\n")
        assert interaction.response["components"]
    assert [question.text for question in stage.assistant.questions] == ["How do I read a text file?"]


async def test_a_message_without_words_gets_a_private_word(tmp_path):
    async with staged(tmp_path) as stage:
        message = await stage.discord.person("bob").say(stage.channel, "(a picture)")
        message["content"] = ""
        interaction = await stage.ada.menu(message, ENTRY)
        await until(lambda: interaction.response)
        assert interaction.ephemeral
        assert "no words" in interaction.response["content"]
    assert stage.assistant.questions == []
