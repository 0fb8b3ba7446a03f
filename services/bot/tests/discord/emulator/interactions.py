"""Interactions: from the event to its callback, its response message and its follow-ups."""

import secrets
import time
from dataclasses import dataclass, field

from . import errors, messages
from .commands import check_choices
from .components import check_modal
from .world import Json, World

APPLICATION_COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 2, 3, 4, 5


@dataclass
class Interaction:
    """One use of a command or component, and what became of it."""

    id: str
    channel: Json
    user: Json
    payload: Json
    token: str = field(default_factory=lambda: "aW50ZXJhY3Rpb24" + secrets.token_urlsafe(48))
    created: float = field(default_factory=time.monotonic)
    acknowledged: float | None = None
    kind: int | None = None
    response: Json | None = None
    followups: list[Json] = field(default_factory=list)
    modal: Json | None = None
    choices: list[Json] | None = None

    @property
    def ack_s(self) -> float | None:
        return None if self.acknowledged is None else self.acknowledged - self.created

    @property
    def ephemeral(self) -> bool:
        return bool(self.response and self.response["flags"] & messages.EPHEMERAL)


@dataclass
class Interactions:
    world: World
    by_id: dict[str, Interaction] = field(default_factory=dict)
    by_token: dict[str, Interaction] = field(default_factory=dict)

    def new(
        self, channel: Json, user: Json, kind: int, data: Json, *, message: Json | None = None, locale: str = "en-US"
    ) -> Interaction:
        world = self.world
        permissions = str(int(world.permissions(channel)))
        payload = {
            "id": world.snowflake(),
            "application_id": world.application_id,
            "type": kind,
            "version": 1,
            "data": data,
            "channel": dict(channel),
            "channel_id": channel["id"],
            "app_permissions": permissions,
            "locale": locale,
            "attachment_size_limit": 10 << 20,
            "entitlements": [],
            "authorizing_integration_owners": {"0": channel.get("guild_id", "0")},
            "context": 0 if "guild_id" in channel else 1,
        }
        if message is not None:
            payload["message"] = dict(message)
        if guild_id := channel.get("guild_id"):
            guild = world.guilds[guild_id]
            payload |= {"guild_id": guild_id, "guild_locale": "en-US", "member": world.member(user, guild)}
            payload["guild"] = {"id": guild_id, "locale": "en-US", "features": []}
        else:
            payload["user"] = user
        interaction = Interaction(payload["id"], channel, user, payload)
        payload["token"] = interaction.token
        self.by_id[interaction.id] = self.by_token[interaction.token] = interaction
        return interaction

    def acknowledge(self, interaction_id: str, token: str, body: Json) -> tuple[Interaction, Json | None]:
        """Take a callback. Returns the interaction and the message it made, if any. Raises 10062 and 40060."""
        interaction = self.by_id.get(interaction_id)
        if interaction is None or interaction.token != token:
            raise errors.unknown_interaction()
        if interaction.acknowledged is not None:
            raise errors.already_acknowledged()
        if time.monotonic() - interaction.created > self.world.interaction_ack_s:
            raise errors.unknown_interaction()
        kind, data = body.get("type"), body.get("data") or {}
        if kind not in (1, 4, 5, 6, 7, 8, 9):
            raise errors.form_error("type", "BASE_TYPE_CHOICES", "Value must be one of {1, 4, 5, 6, 7, 8, 9}.")
        if kind == 9:
            if interaction.payload["type"] == MODAL:
                raise errors.form_error("type", "BASE_TYPE_CHOICES", "Value must be one of {4, 5, 6, 7}.")
            interaction.modal = check_modal(data)
        if (kind == 8) != (interaction.payload["type"] == AUTOCOMPLETE):
            raise errors.form_error("type", "BASE_TYPE_CHOICES", "This type of response does not fit the interaction.")
        if kind == 8:
            interaction.choices = check_choices(data.get("choices"))
        message = self._respond(interaction, kind, data) if kind in (4, 5) else None
        interaction.acknowledged, interaction.kind = time.monotonic(), kind
        return interaction, message

    def _respond(self, interaction: Interaction, kind: int, data: Json) -> Json:
        flags = int(data.get("flags") or 0) | (messages.LOADING if kind == 5 else 0)
        body = data | {"flags": 0} if kind == 4 else {}
        interaction.response = messages.create(self.world, interaction.channel, self.world.bot, body, flags=flags)
        interaction.response |= {"application_id": self.world.application_id, "webhook_id": self.world.application_id}
        return interaction.response

    def with_token(self, application_id: str, token: str) -> Interaction:
        """The interaction behind a webhook token. Raises 10015 and, after 15 minutes, 50027."""
        interaction = self.by_token.get(token)
        if interaction is None or application_id != self.world.application_id:
            raise errors.unknown_webhook()
        if time.monotonic() - interaction.created > self.world.interaction_token_s:
            raise errors.invalid_webhook_token()
        if interaction.acknowledged is None:
            raise errors.unknown_webhook()
        return interaction

    def message(self, interaction: Interaction, message_id: str) -> Json:
        known = [message for message in (interaction.response, *interaction.followups) if message]
        for message in known:
            if message_id in (message["id"], "@original") and message["id"] in self.world.messages:
                return message
        raise errors.unknown_message()
