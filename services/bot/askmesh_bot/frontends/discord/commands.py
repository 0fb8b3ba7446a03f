"""The commands, and registering them with Discord only when they differ from what it has."""

from typing import Any

import discord
from askmesh_kit.logs import get_logger
from discord import app_commands
from discord.http import Route

from askmesh_bot.frontends.discord.asking import InteractionAsker
from askmesh_bot.frontends.discord.catalog import MOST_CHARACTERS
from askmesh_bot.frontends.discord.config.commands import config_group
from askmesh_bot.frontends.discord.config.desk import ConfigDesk
from askmesh_bot.frontends.discord.desk import ButtonDesk, apologise
from askmesh_bot.frontends.discord.destinations import NO_MENTIONS
from askmesh_bot.frontends.discord.texts import Translator, language_of, say, translated
from askmesh_bot.frontends.discord.tracker import Tracker

log = get_logger("askmesh.discord.commands")

_MOST_CHARACTERS = 2000


class Tree(app_commands.CommandTree[Any]):
    """discord.py's command tree; a command that breaks apologises."""

    def __init__(self, client: discord.Client, tracker: Tracker) -> None:
        super().__init__(client)
        self._tracker = tracker

    async def _call(self, interaction: discord.Interaction[Any]) -> None:
        with self._tracker.handling():
            await super()._call(interaction)

    async def on_error(self, interaction: discord.Interaction[Any], error: app_commands.AppCommandError, /) -> None:
        log.error("command_broke", command=getattr(interaction.command, "name", ""), exc_info=error)
        await apologise(interaction)


def build_tree(
    client: discord.Client, tracker: Tracker, asker: InteractionAsker, desk: ButtonDesk, config: ConfigDesk
) -> Tree:
    """The commands of `client`."""
    tree = Tree(client, tracker)
    _add_ask(tree, asker)
    tree.add_command(config_group(config))

    @tree.command(name=translated("command.help"), description=translated("command.help.about"))
    async def help_(interaction: discord.Interaction[Any]) -> None:
        text = say("help", language_of(interaction.locale))
        await interaction.response.send_message(text, ephemeral=True, allowed_mentions=NO_MENTIONS)

    @tree.command(name=translated("command.privacy"), description=translated("command.privacy.about"))
    async def privacy(interaction: discord.Interaction[Any]) -> None:
        await desk.privacy(interaction)

    @tree.context_menu(name=translated("menu.about"))
    async def about(interaction: discord.Interaction[Any], message: discord.Message) -> None:
        await asker.ask(interaction, message.clean_content.strip()[:_MOST_CHARACTERS], private=False)

    return tree


def _add_ask(tree: Tree, asker: InteractionAsker) -> None:
    options = ("question", "source", "private")

    @tree.command(name=translated("command.ask"), description=translated("command.ask.about"))
    @app_commands.rename(**{name: translated(f"option.{name}") for name in options})
    @app_commands.describe(**{name: translated(f"option.{name}.about") for name in options})
    async def ask(
        interaction: discord.Interaction[Any],
        question: app_commands.Range[str, 1, _MOST_CHARACTERS],
        source: app_commands.Range[str, 1, MOST_CHARACTERS] | None = None,
        private: bool = False,
    ) -> None:
        await asker.ask(interaction, question, private=private, source=source or "")

    @ask.autocomplete("source")
    async def offer(interaction: discord.Interaction[Any], typed: str) -> list[app_commands.Choice[str]]:
        offered = await asker.offer_sources(interaction, typed)
        return [app_commands.Choice(name=title, value=source) for title, source in offered]


async def register(tree: Tree) -> bool:
    """Make Discord's list of commands equal to ours. Returns whether it had to change."""
    if tree.translator is None:
        await tree.set_translator(Translator())
    known = {(int(command.get("type", 1)), command["name"]): _shape(command) for command in await _fetch(tree)}
    translator = tree.translator
    assert translator is not None
    payloads = [await command.get_translated_payload(tree, translator) for command in tree._get_all_commands()]
    ours = {(int(payload.get("type", 1)), payload["name"]): _shape(payload) for payload in payloads}
    if known == ours:
        return False
    await tree.sync()
    return True


async def _fetch(tree: Tree) -> list[dict[str, Any]]:
    # Not `tree.fetch_commands()`: to that, Discord does not tell the translations.
    route = Route("GET", "/applications/{application_id}/commands", application_id=tree.client.application_id)
    try:
        commands: list[dict[str, Any]] = await tree.client.http.request(route, params={"with_localizations": "true"})
    except discord.NotFound:
        return []  # then it is told all of them
    return commands


def _shape(command: Any) -> dict[str, Any]:
    """What people see of a command, without ids, versions and defaults that only one side spells out."""
    permissions = command.get("default_member_permissions")
    return _described(command) | {
        "type": int(command.get("type", 1)),
        "default_member_permissions": None if permissions is None else str(permissions),
    }


def _described(thing: Any) -> dict[str, Any]:
    """A command or an option, with the options in it."""
    told = (
        "name",
        "name_localizations",
        "description",
        "description_localizations",
        "min_length",
        "max_length",
        "min_value",
        "max_value",
        "autocomplete",
        "channel_types",
    )
    return {key: thing.get(key) or None for key in told} | {
        "type": int(thing.get("type", 1)),
        "required": bool(thing.get("required")),
        "choices": [(choice["name"], choice["value"]) for choice in thing.get("choices") or []],
        "options": [_described(option) for option in thing.get("options") or []],
    }
