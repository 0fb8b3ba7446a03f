"""What exists: people, guilds, channels, threads and messages, as the objects Discord sends over the wire."""

import itertools
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, IntFlag
from typing import Any

Json = dict[str, Any]
EPOCH_MS = 1_420_070_400_000


class Permission(IntFlag):
    """The permission bits used here; https://discord.com/developers/docs/topics/permissions."""

    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    CREATE_PUBLIC_THREADS = 1 << 35
    SEND_MESSAGES_IN_THREADS = 1 << 38


BOT_PERMISSIONS = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.READ_MESSAGE_HISTORY
    | Permission.MENTION_EVERYONE
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.SEND_MESSAGES_IN_THREADS
)


class ChannelType(IntEnum):
    TEXT = 0
    DM = 1
    ANNOUNCEMENT = 5
    PUBLIC_THREAD = 11
    FORUM = 15


def timestamp(at: float | None = None) -> str:
    return datetime.fromtimestamp(time.time() if at is None else at, UTC).isoformat()


@dataclass
class World:
    """The state of one emulated Discord. Ids are snowflakes, so that clients can read times from them."""

    token: str = "emulator-token"
    # Privileged intents (members 1<<1, presences 1<<8, content 1<<15) switched on in the developer portal.
    privileged_intents: int = 0
    interaction_ack_s: float = 3.0
    interaction_token_s: float = 15 * 60.0
    users: dict[str, Json] = field(default_factory=dict)
    guilds: dict[str, Json] = field(default_factory=dict)
    channels: dict[str, Json] = field(default_factory=dict)
    messages: dict[str, Json] = field(default_factory=dict)
    commands: list[Json] = field(default_factory=list)
    _counter: itertools.count = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.bot = self.add_user("askmesh", bot=True)
        self.application_id = self.bot["id"]

    def snowflake(self) -> str:
        return str(((int(time.time() * 1000) - EPOCH_MS) << 22) | (next(self._counter) & 0x3FFFFF))

    def add_user(self, name: str, *, bot: bool = False) -> Json:
        user = {
            "id": self.snowflake(),
            "username": name,
            "discriminator": "0",
            "global_name": name.title(),
            "avatar": None,
            "bot": bot,
        }
        self.users[user["id"]] = user
        return user

    def add_guild(self, name: str, everyone: Permission = BOT_PERMISSIONS) -> Json:
        guild_id = self.snowflake()
        role = {
            "id": guild_id,
            "name": "@everyone",
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "position": 0,
            "permissions": str(int(everyone)),
            "managed": False,
            "mentionable": False,
            "flags": 0,
        }
        guild = {"id": guild_id, "name": name, "owner_id": self.add_user("owner")["id"], "roles": [role]}
        self.guilds[guild_id] = guild
        return guild

    def add_channel(
        self, guild: Json, name: str, kind: ChannelType = ChannelType.TEXT, denied: Permission = Permission(0)
    ) -> Json:
        overwrite = {"id": guild["id"], "type": 0, "allow": "0", "deny": str(int(denied))}
        channel = {
            "id": self.snowflake(),
            "guild_id": guild["id"],
            "type": int(kind),
            "name": name,
            "position": len(self.channels),
            "permission_overwrites": [overwrite] if denied else [],
            "nsfw": False,
            "parent_id": None,
        }
        self.channels[channel["id"]] = channel
        return channel

    def add_dm(self, user: Json) -> Json:
        """The DM channel with a user; there is one."""
        for channel in self.channels.values():
            if channel["type"] == ChannelType.DM and channel["recipients"][0]["id"] == user["id"]:
                return channel
        channel = {"id": self.snowflake(), "type": int(ChannelType.DM), "recipients": [user], "last_message_id": None}
        self.channels[channel["id"]] = channel
        return channel

    def add_thread(self, parent: Json, name: str, thread_id: str, archive_minutes: int) -> Json:
        thread = {
            "id": thread_id,
            "guild_id": parent["guild_id"],
            "parent_id": parent["id"],
            "owner_id": self.bot["id"],
            "type": int(ChannelType.PUBLIC_THREAD),
            "name": name,
            "message_count": 0,
            "member_count": 1,
            "rate_limit_per_user": 0,
            "thread_metadata": {
                "archived": False,
                "auto_archive_duration": archive_minutes,
                "archive_timestamp": timestamp(),
                "locked": False,
                "create_timestamp": timestamp(),
            },
        }
        self.channels[thread_id] = thread
        return thread

    def member(self, user: Json, guild: Json) -> Json:
        everyone = guild["roles"][0]["permissions"]
        return {
            "user": user,
            "roles": [],
            "nick": None,
            "joined_at": timestamp(0),
            "deaf": False,
            "mute": False,
            "flags": 0,
            "permissions": everyone,
        }

    def permissions(self, channel: Json) -> Permission:
        """What the bot may do in a channel: the everyone role and the channel's overwrite for it."""
        if channel["type"] == ChannelType.DM:
            return BOT_PERMISSIONS
        if channel["type"] == ChannelType.PUBLIC_THREAD:
            channel = self.channels[channel["parent_id"]]
        guild = self.guilds[channel["guild_id"]]
        allowed = Permission(int(guild["roles"][0]["permissions"]))
        for overwrite in channel["permission_overwrites"]:
            allowed &= ~Permission(int(overwrite["deny"]))
            allowed |= Permission(int(overwrite["allow"]))
        return allowed

    def in_channel(self, channel: Json) -> list[Json]:
        """Messages of a channel that everyone in it sees, oldest first."""
        return [
            message
            for message in self.messages.values()
            if message["channel_id"] == channel["id"] and not message["flags"] & 64
        ]
