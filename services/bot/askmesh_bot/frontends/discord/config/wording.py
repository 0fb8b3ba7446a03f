"""A server's options in words: each by itself, and all of them in one embed."""

from collections.abc import Callable, Sequence

import discord

from askmesh_bot.frontends.discord.config.base import GuildConfig
from askmesh_bot.frontends.discord.markdown import plain
from askmesh_bot.frontends.discord.texts import say

# Names of languages in themselves, as people know theirs.
LANGUAGE_NAMES = {
    "en": "English",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "pt-BR": "Português (Brasil)",
    "ja": "日本語",
    "zh-CN": "简体中文",
}
# Of Discord's 1,024 characters for a field's value.
_MOST_LISTED = 30
_ORDER = (
    "channels",
    "collection",
    "collections",
    "forums",
    "live",
    "language",
    "cooldown_s",
    "daily_answers",
    "human_role",
)


def option_value(option: str, config: GuildConfig, language: str) -> str:
    """What an option is, as a line."""

    def text(key: str) -> str:
        return say(f"config.{key}", language)

    words: dict[str, Callable[[], str]] = {
        "channels": lambda: _channels(config.channels) or text("everywhere"),
        "collection": lambda: plain(config.collection, 60) or text("default"),
        "collections": lambda: _by_channel(config.collections) or text("none"),
        "forums": lambda: _channels(config.forums) or text("none"),
        "live": lambda: _channels(config.live) or text("none"),
        "language": lambda: LANGUAGE_NAMES.get(config.language) or text("automatic"),
        "cooldown_s": lambda: f"{config.cooldown_s:g} s",
        "daily_answers": lambda: f"{config.daily_answers:,}" if config.daily_answers else text("unlimited"),
        "human_role": lambda: f"<@&{config.human_role}>" if config.human_role is not None else text("none"),
    }
    return words[option]()


def summary(config: GuildConfig, own: frozenset[str], hints: dict[str, str], language: str) -> discord.Embed:
    """All options in one embed; those set for this server are marked. `hints`: what keeps an option from working."""
    embed = discord.Embed(title=say("config.title", language))
    for option in _ORDER:
        name = say(f"config.{option}", language) + (" ✎" if option in own else "")
        hint = f"\n⚠️ {hints[option]}" if option in hints else ""
        value = option_value(option, config, language)
        embed.add_field(name=name, value=value + hint, inline=option not in hints)
    return embed


def _channels(ids: Sequence[int]) -> str:
    named = " ".join(f"<#{channel}>" for channel in ids[:_MOST_LISTED])
    return named + (f" +{len(ids) - _MOST_LISTED}" if len(ids) > _MOST_LISTED else "")


def _by_channel(collections: dict[int, str]) -> str:
    lines = [f"<#{channel}>: {plain(name, 45)}" for channel, name in list(collections.items())[:10]]
    return "\n".join(lines + ([f"+{len(collections) - 10}"] if len(collections) > 10 else []))
