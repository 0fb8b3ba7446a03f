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

    ADMINISTRATOR = 1 << 3
    MANAGE_GUILD = 1 << 5
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    MANAGE_THREADS = 1 << 34
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
    CATEGORY = 4
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
    # Connections that Discord wants this bot to have.
    shards: int = 1
    # Discord waits for three seconds. Here bot and Discord share a process, which a busy machine may stop for as long.
    interaction_ack_s: float = 60.0
    interaction_token_s: float = 15 * 60.0
    users: dict[str, Json] = field(default_factory=dict)
    guilds: dict[str, Json] = field(default_factory=dict)
    channels: dict[str, Json] = field(default_factory=dict)
    messages: dict[str, Json] = field(default_factory=dict)
    commands: list[Json] = field(default_factory=list)
    # The roles people have, by guild and user.
    roles: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    # How far this Discord's clock is ahead of the host's, in seconds.
    ahead_s: float = 0.0
    _counter: itertools.count = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.bot = self.add_user("askmesh", bot=True)
        self.application_id = self.bot["id"]

    def snowflake(self) -> str:
        return str(((int((time.time() + self.ahead_s) * 1000) - EPOCH_MS) << 22) | (next(self._counter) & 0x3FFFFF))

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
        guild = {"id": guild_id, "name": name, "owner_id": self.add_user("owner")["id"], "roles": []}
        self.guilds[guild_id] = guild
        self._add_role(guild, guild_id, "@everyone", everyone)
        return guild

    def add_role(self, guild: Json, name: str, granted: Permission = Permission(0), **fields: Any) -> Json:
        return self._add_role(guild, self.snowflake(), name, granted, **fields)

    def _add_role(self, guild: Json, role_id: str, name: str, granted: Permission, **fields: Any) -> Json:
        role = {
            "id": role_id,
            "name": name,
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "position": len(guild["roles"]),
            "permissions": str(int(granted)),
            "managed": False,
            "mentionable": False,
            "flags": 0,
            **fields,
        }
        guild["roles"].append(role)
        return role

    def give(self, user: Json, guild: Json, *roles: Json) -> None:
        """Roles for a member."""
        self.roles.setdefault((guild["id"], user["id"]), []).extend(role["id"] for role in roles)

    def allow_only(self, channel: Json, *roles: Json) -> None:
        """Hide a channel from everyone but some roles and the bot."""
        view = str(int(Permission.VIEW_CHANNEL))
        everyone = {"id": channel["guild_id"], "type": 0, "allow": "0", "deny": view}
        allowed = [{"id": role["id"], "type": 0, "allow": view, "deny": "0"} for role in roles]
        mine = {"id": self.bot["id"], "type": 1, "allow": view, "deny": "0"}
        channel["permission_overwrites"] = [everyone, *allowed, mine]

    def add_channel(
        self,
        guild: Json,
        name: str,
        kind: ChannelType = ChannelType.TEXT,
        denied: Permission = Permission(0),
        **fields: Any,
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
            **fields,
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

    def add_thread(
        self, parent: Json, name: str, thread_id: str, archive_minutes: int, owner: Json | None = None
    ) -> Json:
        thread = {
            "id": thread_id,
            "guild_id": parent["guild_id"],
            "parent_id": parent["id"],
            "owner_id": (owner or self.bot)["id"],
            "applied_tags": [],
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
        return {
            "user": user,
            "roles": self.roles.get((guild["id"], user["id"]), []),
            "nick": None,
            "joined_at": timestamp(0),
            "deaf": False,
            "mute": False,
            "flags": 0,
            "permissions": str(int(self._base_permissions(user, guild))),
        }

    def _base_permissions(self, user: Json, guild: Json) -> Permission:
        has = {guild["id"], *self.roles.get((guild["id"], user["id"]), [])}
        granted = Permission(0)
        for role in guild["roles"]:
            granted |= Permission(int(role["permissions"])) if role["id"] in has else Permission(0)
        return granted

    def permissions(self, channel: Json, user: Json | None = None) -> Permission:
        """What somebody, the bot unless told otherwise, may do in a channel: by roles, then by its overwrites for
        everyone, for roles and for members."""
        if channel["type"] == ChannelType.DM:
            return BOT_PERMISSIONS
        if channel["type"] == ChannelType.PUBLIC_THREAD:
            channel = self.channels[channel["parent_id"]]
        user, guild = user or self.bot, self.guilds[channel["guild_id"]]
        allowed = self._base_permissions(user, guild)
        if allowed & Permission.ADMINISTRATOR or guild["owner_id"] == user["id"]:
            return ~Permission(0)
        has = self.roles.get((guild["id"], user["id"]), [])
        for group in ([guild["id"]], has, [user["id"]]):
            matching = [overwrite for overwrite in channel["permission_overwrites"] if overwrite["id"] in group]
            for overwrite in matching:
                allowed &= ~Permission(int(overwrite["deny"]))
            for overwrite in matching:
                allowed |= Permission(int(overwrite["allow"]))
        return allowed

    def in_channel(self, channel: Json) -> list[Json]:
        """Messages of a channel that everyone in it sees, oldest first."""
        return [
            message
            for message in self.messages.values()
            if message["channel_id"] == channel["id"] and not message["flags"] & 64
        ]
