"""Every server's options: read from memory, written through to the database."""

import asyncio
from typing import Any

from askmesh_kit.logs import get_logger
from sqlalchemy import delete, select

from askmesh_bot.database.discord import DiscordChangeRow, DiscordGuildRow
from askmesh_bot.database.engine import Database
from askmesh_bot.database.models import now
from askmesh_bot.frontends.discord.config.base import OPTIONS, GuildConfig, merged

log = get_logger("askmesh.discord.config")

# Changes kept of each server.
_MOST_CHANGES = 200


class GuildConfigs:
    """Only the process that holds the gateway connection changes options, so its memory is never out of date."""

    def __init__(self, database: Database, base: GuildConfig) -> None:
        self._database, self._base = database, base
        self._options: dict[int, dict[str, Any]] = {}
        self._known: dict[int, GuildConfig] = {}
        self._writing = asyncio.Lock()

    async def load(self) -> None:
        """Read them all. Called by whoever has just taken over the connection."""
        async with self._database.read() as session:
            rows = list(await session.scalars(select(DiscordGuildRow)))
        self._options = {row.guild_id: dict(row.options) for row in rows}
        self._known = {guild_id: merged(self._base, options) for guild_id, options in self._options.items()}

    def get(self, guild_id: int | None) -> GuildConfig:
        """The options of a server, or of a direct message's. Waits for nothing."""
        return self._known.get(guild_id or 0, self._base)

    def own(self, guild_id: int) -> frozenset[str]:
        """The options that were set for this server."""
        return frozenset(self._options.get(guild_id, ()))

    def everywhere(self) -> dict[int, GuildConfig]:
        """The servers for which something was set."""
        return dict(self._known)

    @property
    def base(self) -> GuildConfig:
        """What holds where nothing was set."""
        return self._base

    async def set(self, guild_id: int, user_id: int, option: str, value: Any) -> GuildConfig:
        """Set one option and note who did. Raises pydantic's ValidationError for a value that can't be."""
        GuildConfig.model_validate(self._base.model_dump() | {option: value})
        return await self._change(guild_id, user_id, option, {"value": _plain(value)})

    async def reset(self, guild_id: int, user_id: int, option: str) -> GuildConfig:
        """Go back to the default of one option."""
        return await self._change(guild_id, user_id, option, {})

    async def _change(self, guild_id: int, user_id: int, option: str, became: dict[str, Any]) -> GuildConfig:
        assert option in OPTIONS
        async with self._writing:
            options = {key: value for key, value in self._options.get(guild_id, {}).items() if key != option}
            options |= {option: became["value"]} if became else {}
            changes = DiscordChangeRow
            kept = select(changes.id).where(changes.guild_id == guild_id).order_by(changes.id.desc())
            async with self._database.write() as session:
                await session.merge(DiscordGuildRow(guild_id=guild_id, options=options, updated_at=now()))
                session.add(changes(guild_id=guild_id, user_id=user_id, option=option, became=became))
                await session.flush()
                outdated = list(await session.scalars(kept.offset(_MOST_CHANGES).limit(100)))
                await session.execute(delete(changes).where(changes.id.in_(outdated)))
            self._options[guild_id] = options
            self._known[guild_id] = merged(self._base, options)
        log.info("config_changed", guild=guild_id, user=user_id, option=option, became=became.get("value", "default"))
        return self._known[guild_id]


def _plain(value: Any) -> Any:
    """As JSON keeps it."""
    if isinstance(value, dict):
        return {str(key): item for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value
