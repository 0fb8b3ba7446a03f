"""`/ask`, from the command to the edited answer with its citations."""

from .conftest import staged, until
from .scripted import READ_TEXT, abstained


async def test_ask_is_answered_by_editing_one_message(tmp_path):
    async with staged(tmp_path) as stage:
        interaction = await stage.ada.slash(stage.channel, "ask", question="How do I read a text file?")
        message = await stage.answer_with("**Sources**", stage.messages)
    assert message["id"] == interaction.response["id"]
    assert f"on the path [1](<{READ_TEXT}>)" in message["content"]
    assert "[2](<http://bot.example.org/read/default/docs/deploy.md#L3-L9>)" in message["content"]
    assert len(stage.messages()) == 1
