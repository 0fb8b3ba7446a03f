"""What holds where somebody asks: whether to answer there, from which collection, for whose eyes, in which language."""

from dataclasses import dataclass
from typing import Any

import discord

from askmesh_bot.frontends.discord import audience
from askmesh_bot.frontends.discord.config.base import GuildConfig
from askmesh_bot.frontends.discord.config.store import GuildConfigs
from askmesh_bot.frontends.discord.texts import language_of, say
from askmesh_bot.frontends.discord.where import surroundings

# Channels named to somebody who asked in the wrong one.
_NAMED = 10


@dataclass(frozen=True)
class Terms:
    """On which terms a question is answered. `collection` None: the bot's default; no `sources`: all of them."""

    audience: frozenset[str] = audience.PUBLIC
    collection: str | None = None
    sources: tuple[str, ...] = ()
    language: str = "en"


class Rules:
    """Reads the servers' options and what Discord told of roles and channels. Waits for nothing."""

    def __init__(self, configs: GuildConfigs, *, direct_messages: bool = True) -> None:
        self._configs, self._direct_messages = configs, direct_messages

    def config(self, guild: discord.Guild | None) -> GuildConfig:
        return self._configs.get(guild.id if guild else None)

    def closed(self, guild_id: int | None, channel: object, language: str) -> str | None:
        """What to tell somebody who asks where the bot does not answer; None where it does."""
        if guild_id is None:
            return None if self._direct_messages else say("no_direct", language)
        config = self._configs.get(guild_id)
        if config.answers_in(surroundings(channel)):
            return None
        return say("not_here", language, channels=", ".join(f"<#{place}>" for place in config.channels[:_NAMED]))

    def of_message(self, message: discord.Message) -> Terms:
        """For an answer below a message."""
        locale = message.guild.preferred_locale if message.guild else "en"
        return self.of_channel(message.guild, message.channel, locale)

    def of_channel(self, guild: discord.Guild | None, channel: object, locale: object) -> Terms:
        """For an answer that everyone who can read the channel sees. `locale`: the language where none was set."""
        config = self.config(guild)
        return Terms(
            audience=audience.of_channel(channel),
            collection=config.collection_in(surroundings(channel)),
            language=config.language or language_of(locale),
        )

    def of_interaction(self, interaction: discord.Interaction[Any], *, private: bool) -> Terms:
        """For the response to an interaction; `private`: only its user sees it."""
        guild = interaction.client.get_guild(interaction.guild_id or 0)
        if not private:
            return self.of_channel(guild, interaction.channel, interaction.locale)
        collection = self._configs.get(interaction.guild_id).collection_in(surroundings(interaction.channel))
        readers = audience.of_member(interaction.user) if guild is not None else audience.PUBLIC
        return Terms(readers, collection, language=language_of(interaction.locale))
