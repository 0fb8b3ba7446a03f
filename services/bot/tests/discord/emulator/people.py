"""People who talk to the bot: what their Discord client would do, as method calls."""

from typing import TYPE_CHECKING, Any

from . import messages
from .components import buttons, filled
from .interactions import APPLICATION_COMMAND, COMPONENT, MODAL, Interaction
from .world import Json

if TYPE_CHECKING:
    from .server import Emulator

_OPTION_TYPES = {str: 3, int: 4, bool: 5}


class Person:
    """A user of the emulated Discord."""

    def __init__(self, emulator: "Emulator", user: Json) -> None:
        self._emulator, self.user = emulator, user
        self.locale = "en-US"

    async def say(self, channel: Json, text: str, *, reply_to: Json | None = None, ping: bool = True) -> Json:
        """Post a message, optionally as a reply, which pings its author unless switched off."""
        body: Json = {"content": text}
        if reply_to is not None:
            body["message_reference"] = {"message_id": reply_to["id"]}
            body["allowed_mentions"] = {"parse": ["users", "roles"], "replied_user": ping}
        message = messages.create(self._emulator.world, channel, self.user, body)
        await self._emulator.gateway.dispatch_message("MESSAGE_CREATE", message)
        return message

    async def mention(self, channel: Json, text: str, **options: Any) -> Json:
        """Say something to the bot."""
        return await self.say(channel, f"<@{self._emulator.world.bot['id']}> {text}", **options)

    async def slash(self, channel: Json, command: str, **options: str | int | bool) -> Interaction:
        """Use a slash command. It must have been registered, as in a real client's command picker."""
        known = next(item for item in self._emulator.world.commands if item["name"] == command)
        data = {
            "id": known["id"],
            "name": command,
            "type": 1,
            "options": [
                {"name": name, "type": _OPTION_TYPES[type(value)], "value": value} for name, value in options.items()
            ],
        }
        return await self._interact(channel, APPLICATION_COMMAND, data)

    async def menu(self, message: Json, command: str) -> Interaction:
        """Use an entry of a message's menu."""
        known = next(item for item in self._emulator.world.commands if item["name"] == command and item["type"] == 3)
        channel = self._emulator.world.channels[message["channel_id"]]
        data = {"id": known["id"], "name": command, "type": 3, "target_id": message["id"]}
        data["resolved"] = {"messages": {message["id"]: message}}
        return await self._interact(channel, APPLICATION_COMMAND, data)

    async def click(self, message: Json, label: str) -> Interaction:
        """Press the button of a message that has this label."""
        button = next(item for item in buttons(message["components"]) if item.get("label") == label)
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
