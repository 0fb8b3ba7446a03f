"""People who talk to the bot: what their Discord client would do, as method calls."""

from typing import TYPE_CHECKING, Any

from . import messages
from .interactions import APPLICATION_COMMAND, Interaction
from .world import Json

if TYPE_CHECKING:
    from .server import Emulator

_OPTION_TYPES = {str: 3, int: 4, bool: 5}


class Person:
    """A user of the emulated Discord."""

    def __init__(self, emulator: "Emulator", user: Json) -> None:
        self._emulator, self.user = emulator, user

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
        interaction = self._emulator.interactions.new(channel, self.user, APPLICATION_COMMAND, data)
        await self._emulator.gateway.dispatch("INTERACTION_CREATE", interaction.payload)
        return interaction
