"""`/config` as Discord shows it."""

from typing import Any

import discord
from discord import app_commands

from askmesh_bot.frontends.discord.config.base import MOST_COOLDOWN_S, MOST_DAILY
from askmesh_bot.frontends.discord.config.desk import Click, ConfigDesk
from askmesh_bot.frontends.discord.config.wording import LANGUAGE_NAMES
from askmesh_bot.frontends.discord.texts import translated


class _OfKinds(app_commands.Transformer):
    """A channel as Discord tells it: discord.py's own way wants it in the cache too."""

    def __init__(self, *kinds: discord.ChannelType) -> None:
        self._kinds = list(kinds)

    @property
    def type(self) -> discord.AppCommandOptionType:
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        return self._kinds

    async def transform(self, _: Click, value: Any, /) -> app_commands.AppCommandChannel:
        assert isinstance(value, app_commands.AppCommandChannel)
        return value


_TEXT, _NEWS, _FORUM = discord.ChannelType.text, discord.ChannelType.news, discord.ChannelType.forum
_Channel = app_commands.AppCommandChannel
_Place = app_commands.Transform[_Channel, _OfKinds(_TEXT, _NEWS, _FORUM, discord.ChannelType.category)]
_Taught = app_commands.Transform[_Channel, _OfKinds(_TEXT, _FORUM)]
_Forum = app_commands.Transform[_Channel, _OfKinds(_FORUM)]
_LANGUAGES = [app_commands.Choice(name=name, value=code) for code, name in LANGUAGE_NAMES.items()]


def config_group(desk: ConfigDesk) -> app_commands.Group:
    """The command with its subcommands, for who may manage the server unless its admins say otherwise."""
    group = app_commands.Group(
        name=translated("command.config"),
        description=translated("command.config.about"),
        default_permissions=discord.Permissions(manage_guild=True),
        guild_only=True,
    )
    _add_places(group, desk)
    _add_manners(group, desk)
    return group


def _add_places(group: app_commands.Group, desk: ConfigDesk) -> None:
    @group.command(**_named("show"))
    async def show(click: Click) -> None:
        await desk.show(click)

    @group.command(**_named("channels"))
    @app_commands.rename(**_names("channel", "allowed"))
    @app_commands.describe(**_abouts("channel", "allowed"))
    async def channels(click: Click, channel: _Place | None = None, allowed: bool = True) -> None:
        if channel is None:
            await desk.clear(click, "channels")
        else:
            await desk.switch(click, "channels", channel.id, allowed)

    @group.command(**_named("collection"))
    @app_commands.rename(**_names("collection", "channel"))
    @app_commands.describe(**_abouts("collection", "channel"))
    async def collection(
        click: Click, collection: app_commands.Range[str, 1, 45] | None = None, channel: _Place | None = None
    ) -> None:
        await desk.choose_collection(click, collection, channel.id if channel else None)

    @collection.autocomplete("collection")
    async def offer(click: Click, typed: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=name, value=name) for name in await desk.offer_collections(click, typed)]

    @group.command(**_named("forum"))
    @app_commands.rename(**_names("channel", "on"))
    @app_commands.describe(**_abouts("channel", "on"))
    async def forum(click: Click, channel: _Forum, on: bool) -> None:
        await desk.switch(click, "forums", channel.id, on)

    @group.command(**_named("learning"))
    @app_commands.rename(**_names("channel", "on"))
    @app_commands.describe(**_abouts("channel", "on"))
    async def learning(click: Click, channel: _Taught, on: bool) -> None:
        await desk.switch(click, "live", channel.id, on)

    @group.command(**_named("history"))
    @app_commands.rename(**_names("channel"))
    @app_commands.describe(**_abouts("channel"))
    async def history(click: Click, channel: _Taught) -> None:
        await desk.read_history(click, channel.id)


def _add_manners(group: app_commands.Group, desk: ConfigDesk) -> None:
    @group.command(**_named("language"))
    @app_commands.rename(**_names("language"))
    @app_commands.describe(**_abouts("language"))
    @app_commands.choices(language=_LANGUAGES)
    async def language(click: Click, language: app_commands.Choice[str] | None = None) -> None:
        await desk.choose(click, language=language.value if language else None)

    @group.command(**_named("limits"))
    @app_commands.rename(**_names("cooldown", "daily"))
    @app_commands.describe(**_abouts("cooldown", "daily"))
    async def limits(
        click: Click,
        cooldown: app_commands.Range[float, 0.0, MOST_COOLDOWN_S] | None = None,
        daily: app_commands.Range[int, 0, MOST_DAILY] | None = None,
    ) -> None:
        given = {"cooldown_s": cooldown, "daily_answers": daily}
        told = {option: value for option, value in given.items() if value is not None}
        await desk.choose(click, **(told or given))

    @group.command(**_named("human"))
    @app_commands.rename(**_names("role"))
    @app_commands.describe(**_abouts("role"))
    async def human(click: Click, role: discord.Role | None = None) -> None:
        await desk.choose_human(click, role)


def _named(command: str) -> dict[str, Any]:
    return {
        "name": translated(f"command.config.{command}"),
        "description": translated(f"command.config.{command}.about"),
    }


def _names(*options: str) -> dict[str, app_commands.locale_str]:
    return {option: translated(f"option.{option}") for option in options}


def _abouts(*options: str) -> dict[str, app_commands.locale_str]:
    return {option: translated(f"option.{option}.about") for option in options}
