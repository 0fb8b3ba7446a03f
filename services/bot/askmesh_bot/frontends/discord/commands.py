"""The slash commands, and registering them with Discord only when they differ from what it has."""

from typing import Any

import discord
from askmesh_kit.logs import get_logger
from discord import app_commands

from askmesh_bot.frontends.discord import rendering
from askmesh_bot.frontends.discord.answerer import NOT_ACCEPTING, Answerer, Asked
from askmesh_bot.frontends.discord.destinations import (
    NO_MENTIONS,
    ChannelDestination,
    Destination,
    InteractionDestination,
)
from askmesh_bot.frontends.discord.places import missing_for_threads
from askmesh_bot.frontends.discord.rest import ALREADY_ACKNOWLEDGED, bounded, is_expired

log = get_logger("askmesh.discord.commands")

_HELP = (
    "I answer questions from this community's own sources and link every claim to the place it rests on."
    " When the sources don't hold the answer, I say so.\n"
    "- `/ask` answers here; with `private` only you see it.\n"
    "- Mention me with a question and I answer in a thread.\n"
    "- Reply to an answer, or write in its thread, to ask on: I remember the conversation."
)


class Tree(app_commands.CommandTree[Any]):
    """discord.py's command tree; a command that breaks apologises."""

    async def on_error(self, interaction: discord.Interaction[Any], error: app_commands.AppCommandError, /) -> None:
        log.error("command_broke", command=getattr(interaction.command, "name", ""), exc_info=error)
        text = "Sorry, something went wrong on my side. Please try again."
        try:
            if interaction.response.is_done():
                await interaction.followup.send(text, ephemeral=True, allowed_mentions=NO_MENTIONS)
            else:
                await interaction.response.send_message(text, ephemeral=True, allowed_mentions=NO_MENTIONS)
        except (discord.HTTPException, OSError) as failed:
            log.info("apology_refused", error=str(failed))


def build_tree(client: discord.Client, answerer: Answerer, deadline_s: float) -> Tree:
    """The commands of `client`."""
    tree = Tree(client)

    @tree.command(name="ask", description="Ask a question; the answer cites this community's sources")
    @app_commands.describe(question="What you want to know", private="Only you see the answer")
    async def ask(
        interaction: discord.Interaction[Any], question: app_commands.Range[str, 1, 2000], private: bool = False
    ) -> None:
        await _ask(interaction, question, private, answerer, deadline_s)

    @tree.command(name="help", description="What I can do")
    async def help_(interaction: discord.Interaction[Any]) -> None:
        await interaction.response.send_message(_HELP, ephemeral=True, allowed_mentions=NO_MENTIONS)

    return tree


async def _ask(
    interaction: discord.Interaction[Any], question: str, private: bool, answerer: Answerer, deadline_s: float
) -> None:
    if not answerer.tracker.accepting:
        await interaction.response.send_message(NOT_ACCEPTING, ephemeral=True)
        return

    async def elsewhere() -> Destination:
        # What was asked in private is never answered in the channel.
        if private or not isinstance(interaction.channel, discord.abc.Messageable):
            return ChannelDestination(await interaction.user.create_dm(), deadline_s)
        return ChannelDestination(interaction.channel, deadline_s)

    destination = InteractionDestination(interaction, deadline_s, private=private, fallback=elsewhere)
    try:
        # Before anything else: Discord waits three seconds for this, and no longer.
        await interaction.response.defer(ephemeral=private, thinking=True)
    except discord.HTTPException as error:
        if error.code == ALREADY_ACKNOWLEDGED:
            return  # another process answers it
        if not is_expired(error):
            raise
        log.warning("acknowledged_too_late", interaction=interaction.id)
        destination.give_up_token()
    asked = await _asked(interaction, question, private, answerer)
    ids = await answerer.answer(asked, destination)
    if ids and not private and not destination.expired:
        await _open_thread(interaction, question, deadline_s)


async def _asked(interaction: discord.Interaction[Any], question: str, private: bool, answerer: Answerer) -> Asked:
    """The question, continuing the conversation of the thread or DM it was asked in."""
    in_place = isinstance(interaction.channel, discord.Thread | discord.DMChannel) and not private
    place_id = interaction.channel_id if in_place else None
    place = await answerer.journal.place(place_id) if place_id else None
    return Asked(
        question,
        interaction.user.id,
        place_id=place_id,
        continued=place,
        opening=rendering.question(question),
    )


async def _open_thread(interaction: discord.Interaction[Any], question: str, deadline_s: float) -> None:
    """A thread on the answer for what is asked next; its id is the message's, so its conversation is known."""
    if not isinstance(interaction.channel, discord.TextChannel) or missing_for_threads(interaction.app_permissions):
        return
    try:
        message = await bounded(interaction.original_response(), deadline_s)
        await bounded(message.create_thread(name=rendering.thread_name(question)), deadline_s)
    except (discord.HTTPException, OSError, TimeoutError) as error:
        log.info("thread_refused", channel=interaction.channel.id, error=str(error))


async def register(tree: Tree) -> bool:
    """Make Discord's list of commands equal to ours. Returns whether it had to change."""
    known = {command.name: _shape(command.to_dict()) for command in await tree.fetch_commands()}
    ours = {command.name: _shape(command.to_dict(tree)) for command in tree.get_commands()}
    if known == ours:
        return False
    await tree.sync()
    return True


def _shape(command: Any) -> dict[str, Any]:
    """What people see of a command, without ids, versions and defaults that only one side spells out."""
    options = [
        {key: option.get(key) for key in ("type", "name", "description", "min_length", "max_length")}
        | {"required": bool(option.get("required"))}
        for option in command.get("options") or []
    ]
    return {"type": int(command.get("type", 1)), "description": command.get("description", ""), "options": options}
