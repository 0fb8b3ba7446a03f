"""Everything the bot says is there in every language, and fits where Discord shows it."""

import re
from string import Formatter

import pytest
from askmesh_bot.frontends.discord.texts import language_of, say
from askmesh_bot.frontends.discord.translations import LANGUAGES, TEXTS

from .conftest import staged, until
from .scripted import ANSWER, answered
from .test_buttons import labels

pytestmark = pytest.mark.anyio


def fields(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("key", TEXTS)
def test_every_text_is_there_with_the_same_values_in_every_language(key):
    row = TEXTS[key]
    assert len(row) == len(LANGUAGES)
    assert all(text.strip() for text in row)
    assert {frozenset(fields(text)) for text in row} == {frozenset(fields(row[0]))}
    assert all(text.count("**") % 2 == 0 and text.count("`") % 2 == 0 for text in row)
    if key.startswith(("command.", "option.")) and not key.endswith(".about"):
        assert all(re.fullmatch(r"[-_'\w]{1,32}", name) and name == name.lower() for name in row)
    elif key.startswith(("command.", "option.")):
        assert max(map(len, row)) <= 100
    assert max(map(len, row)) <= 1900


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("en-GB", "en"),
        ("de", "de"),
        ("es-419", "es"),
        ("pt-BR", "pt-BR"),
        ("zh-CN", "zh-CN"),
        ("zh-TW", "en"),
        ("x", "en"),
    ],
)
def test_a_locale_leads_to_a_language(locale, language):
    assert language_of(locale) == language


def test_values_are_put_in():
    assert say("cooldown", "ja", seconds=3) == "少々お待ちください。次の質問は 3 秒後に受け付けます。"


async def test_commands_are_registered_in_every_language(tmp_path):
    async with staged(tmp_path) as stage:
        ask = stage.discord.world.commands[0]
    assert set(ask["name_localizations"]) == {"de", "fr", "es-ES", "es-419", "pt-BR", "ja", "zh-CN"}
    assert ask["name_localizations"]["ja"] == "質問"
    assert ask["options"][0]["description_localizations"]["de"] == "Was du wissen möchtest"


async def test_a_command_is_answered_in_its_askers_language(tmp_path):
    async with staged(tmp_path) as stage:
        stage.ada.locale = "fr"
        stage.assistant.script = lambda question: answered(ANSWER, holds=lambda said: not stage.discord.edits)
        interaction = await stage.ada.slash(stage.channel, "ask", question="Comment lire un fichier ?")
        message = await until(lambda: next((m for m in stage.messages() if m["components"]), None))
        assert "-# Je cherche…" in stage.discord.edits[interaction.response["id"]][0][1]
    assert labels(message) == ["Utile", "Pas utile", "Sources", "Redemander"]


async def test_a_mention_is_answered_in_its_servers_language(tmp_path):
    async with staged(tmp_path, wait_ready=False) as stage:
        stage.guild["preferred_locale"] = "de"
        await until(lambda: stage.frontend.status.state == "ready")
        await stage.ada.mention(stage.channel, "")
        await stage.answer_with("Hallo!", stage.messages)
