"""Looking up what to say in somebody's language."""

import discord
from discord import app_commands

from askmesh_bot.frontends.discord.translations import LANGUAGES, TEXTS


def say(key: str, language: str = "en", **values: object) -> str:
    """The text `key`, with `values` in its braces."""
    text = TEXTS[key][LANGUAGES.index(language)]
    return text.format(**values) if values else text


def language_of(locale: object) -> str:
    """The language for a Discord locale such as `de` or `es-419`; English where the bot does not speak it."""
    code = str(locale)
    if code in LANGUAGES:
        return code
    return short if (short := code.split("-")[0]) in LANGUAGES else "en"


class Translator(app_commands.Translator):
    """Names and descriptions of commands, by the key that each `locale_str` carries."""

    async def translate(
        self, string: app_commands.locale_str, locale: discord.Locale, context: app_commands.TranslationContextTypes
    ) -> str | None:
        key, language = string.extras.get("key"), language_of(locale)
        return say(key, language) if key and language != "en" else None


def translated(key: str) -> app_commands.locale_str:
    """The English text with its key, for discord.py's decorators."""
    return app_commands.locale_str(say(key), key=key)
