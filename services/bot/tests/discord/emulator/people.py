"""People who talk to the bot: what their Discord client would do, as method calls."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import messages, threads
from .components import buttons, filled
from .interactions import APPLICATION_COMMAND, AUTOCOMPLETE, COMPONENT, MODAL, Interaction
from .world import Json

if TYPE_CHECKING:
    from .server import Emulator

_OPTION_TYPES = {str: 3, int: 4, bool: 5, float: 10}
CHANNEL_OPTION, ROLE_OPTION = 7, 8


class Person:
    """A user of the emulated Discord."""

    def __init__(self, emulator: "Emulator", user: Json) -> None:
        self._emulator, self.user = emulator, user
        self.locale = "en-US"

    async def say(
        self,
        channel: Json,
        text: str,
        *,
        reply_to: Json | None = None,
        ping: bool = True,
        message_id: str = "",
        file: str = "",
    ) -> Json:
        """Post a message, optionally as a reply, which pings its author unless switched off, or with a `file`."""
        body: Json = {"content": text}
        if file:
            attachment = {"filename": file, "size": 1, "url": "http://127.0.0.1:9/", "proxy_url": "http://127.0.0.1:9/"}
            body["attachments"] = [{"id": self._emulator.world.snowflake(), **attachment}]
        if reply_to is not None:
            body["message_reference"] = {"message_id": reply_to["id"]}
            body["allowed_mentions"] = {"parse": ["users", "roles"], "replied_user": ping}
        message = messages.create(self._emulator.world, channel, self.user, body, message_id=message_id)
        await self._emulator.gateway.dispatch_message("MESSAGE_CREATE", message)
        return message

    async def mention(self, channel: Json, text: str, **options: Any) -> Json:
        """Say something to the bot."""
        return await self.say(channel, f"<@{self._emulator.world.bot['id']}> {text}", **options)

    async def slash(self, channel: Json, command: str, /, **options: Any) -> Interaction:
        """Use a slash command, or `command subcommand`. It must have been registered, as in a real client's command
        picker. Channels and roles are given as the world has them."""
        return await self._interact(channel, APPLICATION_COMMAND, self._command(command, options))

    async def type(self, channel: Json, command: str, option: str, typed: str, /, **options: Any) -> Interaction:
        """Type into an option that is completed; what is offered is in the interaction's `choices`."""
        data = self._command(command, options | {option: typed})
        given = data["options"][0]["options"] if " " in command else data["options"]
        given[-1]["focused"] = True
        return await self._interact(channel, AUTOCOMPLETE, data)

    def _command(self, command: str, options: Json) -> Json:
        name, _, sub = command.partition(" ")
        known = next((item for item in self._emulator.world.commands if item["name"] == name), None)
        if known is None:
            raise LookupError(name)
        resolved: Json = {}
        given = [self._option(option, value, resolved) for option, value in options.items()]
        if sub:
            assert any(option["name"] == sub for option in known["options"])
            given = [{"name": sub, "type": 1, "options": given}]
        return {"id": known["id"], "name": name, "type": 1, "options": given, "resolved": resolved}

    def _option(self, name: str, value: Any, resolved: Json) -> Json:
        if not isinstance(value, dict):
            return {"name": name, "type": _OPTION_TYPES[type(value)], "value": value}
        kind = "channels" if "type" in value else "roles"
        shown = value | {"permissions": "0"} if kind == "channels" else value
        resolved.setdefault(kind, {})[value["id"]] = shown
        return {"name": name, "type": CHANNEL_OPTION if kind == "channels" else ROLE_OPTION, "value": value["id"]}

    async def post(self, forum: Json, title: str, text: str, tags: Sequence[str] = ()) -> Json:
        """A new post in a forum: a thread whose first message has its id."""
        world = self._emulator.world
        thread = world.add_thread(forum, title, world.snowflake(), 1440, owner=self.user)
        thread["applied_tags"] = [tag["id"] for tag in forum["available_tags"] if tag["name"] in tags]
        await self._emulator.gateway.dispatch("THREAD_CREATE", thread | {"newly_created": True})
        await self.say(thread, text, message_id=thread["id"])
        return thread

    async def react(self, message: Json, emoji: str, *, back: bool = False) -> None:
        """Add a reaction, or take it `back`."""
        threads.note_reaction(message, self.user, emoji, back=back)
        channel = self._emulator.world.channels[message["channel_id"]]
        data = {"user_id": self.user["id"], "channel_id": channel["id"], "message_id": message["id"], "type": 0}
        data |= {"emoji": {"id": None, "name": emoji}, "burst": False, "message_author_id": message["author"]["id"]}
        if guild_id := channel.get("guild_id"):
            data["guild_id"] = guild_id
            if not back:
                data["member"] = self._emulator.world.member(self.user, self._emulator.world.guilds[guild_id])
        await self._emulator.gateway.dispatch(f"MESSAGE_REACTION_{'REMOVE' if back else 'ADD'}", data)

    async def menu(self, message: Json, command: str) -> Interaction:
        """Use an entry of a message's menu."""
        known = next(item for item in self._emulator.world.commands if item["name"] == command and item["type"] == 3)
        channel = self._emulator.world.channels[message["channel_id"]]
        data = {"id": known["id"], "name": command, "type": 3, "target_id": message["id"]}
        data["resolved"] = {"messages": {message["id"]: message}}
        return await self._interact(channel, APPLICATION_COMMAND, data)

    async def click(self, message: Json, label: str) -> Interaction:
        """Press the button of a message that has this label. Raises LookupError where none has."""
        button = next((item for item in buttons(message["components"]) if item.get("label") == label), None)
        if button is None:
            raise LookupError(label)
        channel = self._emulator.world.channels[message["channel_id"]]
        data = {"component_type": button["type"], "custom_id": button["custom_id"], "id": button.get("id", 1)}
        return await self._interact(channel, COMPONENT, data, message=message)

    async def submit(self, opened: Interaction, text: str) -> Interaction:
        """Write `text` into the modal that an interaction opened, and send it."""
        assert opened.modal is not None
        message = opened.payload.get("message")
        return await self._interact(opened.channel, MODAL, filled(opened.modal, text), message=message)

    async def _interact(self, channel: Json, kind: int, data: Json, message: Json | None = None) -> Interaction:
        interaction = self._emulator.interactions.new(
            channel, self.user, kind, data, message=message, locale=self.locale
        )
        await self._emulator.gateway.dispatch("INTERACTION_CREATE", interaction.payload)
        return interaction
