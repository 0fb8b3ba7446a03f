"""What `/config` does: it changes one option of a server, or shows them all. Discord decides who may use it."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import discord
from askmesh_kit.logs import get_logger
from sqlalchemy.exc import SQLAlchemyError

from askmesh_bot.frontends.discord import audience
from askmesh_bot.frontends.discord.catalog import MOST_CHOICES, Catalog
from askmesh_bot.frontends.discord.config.base import MOST_CHANNELS, GuildConfig
from askmesh_bot.frontends.discord.config.store import GuildConfigs
from askmesh_bot.frontends.discord.config.wording import option_value, summary
from askmesh_bot.frontends.discord.destinations import NO_MENTIONS
from askmesh_bot.frontends.discord.live.ears import Ears
from askmesh_bot.frontends.discord.markdown import plain
from askmesh_bot.frontends.discord.texts import language_of, say

log = get_logger("askmesh.discord.config")

Click = discord.Interaction[Any]
# Options that name channels, and how many that are gone are named to an admin.
_PLACES, _MOST_NAMED = frozenset({"channels", "collections", "forums", "live"}), 10
# How often, and for how long, it is told how far reading the past is: an interaction lives for 15 minutes.
_TOLD_EVERY_S, _TOLD_S = 2.0, 14 * 60.0


class ConfigDesk:
    """Answers in private, and first of all acknowledges: the database may take its time."""

    def __init__(
        self, configs: GuildConfigs, catalog: Catalog, stopping: asyncio.Event, *, reads_content: bool
    ) -> None:
        self._configs, self._catalog, self._reads_content = configs, catalog, reads_content
        self._stopping = stopping
        # What reads a channel's past; None where nothing can be learned.
        self.ears: Ears | None = None
        # Called after every change.
        self.on_change: Callable[[], None] = lambda: None

    async def show(self, click: Click) -> None:
        guild_id = _guild_id(click)
        config = self._configs.get(guild_id)
        embed = summary(config, self._configs.own(guild_id), self._hints(click, config), language_of(click.locale))
        await click.response.send_message(embed=embed, ephemeral=True, allowed_mentions=NO_MENTIONS)

    async def switch(self, click: Click, option: str, channel_id: int, on: bool) -> None:
        """Put a channel on one of the lists, or take it off."""
        listed: tuple[int, ...] = getattr(self._configs.get(_guild_id(click)), option)
        without = tuple(one for one in listed if one != channel_id)
        if on and len(without) >= MOST_CHANNELS:
            await self._refuse(click, say("config.full", language_of(click.locale), count=MOST_CHANNELS))
            return
        await self._set(click, {option: (*without, channel_id) if on else without})

    async def read_history(self, click: Click, channel_id: int) -> None:
        """Learn what was written in a channel before learning was switched on, and tell how far that is."""
        language, guild_id = language_of(click.locale), _guild_id(click)
        if self.ears is None or not self.ears.is_live(guild_id, channel_id):
            await self._refuse(click, say("config.history.off", language, channel=f"<#{channel_id}>"))
            return
        await click.response.defer(ephemeral=True, thinking=True)
        await self.ears.backfill(guild_id, channel_id)
        shown, until = None, asyncio.get_running_loop().time() + _TOLD_S
        while asyncio.get_running_loop().time() < until and not self._stopping.is_set():
            progress = self.ears.progress(channel_id)
            if progress != shown:
                shown = progress
                key = "config.history.done" if progress.done else "config.history.progress"
                read = max(0, progress.found - progress.left)
                text = say(key, language, read=read, found=progress.found, learned=progress.learned)
                try:
                    await click.edit_original_response(content=text, allowed_mentions=NO_MENTIONS)
                except (discord.HTTPException, OSError, RuntimeError) as error:
                    # Reading goes on without anybody told; RuntimeError: this connection was ended meanwhile.
                    log.info("progress_not_told", error=str(error))
                    return
            if progress.done:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _TOLD_EVERY_S)

    async def clear(self, click: Click, *options: str) -> None:
        """Go back to the defaults."""
        await self._set(click, dict.fromkeys(options))

    async def choose(self, click: Click, **values: Any) -> None:
        """Set options; None is the default."""
        await self._set(click, values)

    async def choose_human(self, click: Click, role: discord.Role | None) -> None:
        """The role to call, or nobody."""
        if role is not None and role.is_default():
            await self._refuse(click, say("config.not_everyone", language_of(click.locale)))
            return
        await self._set(click, {"human_role": role.id if role else None})

    async def choose_collection(self, click: Click, name: str | None, channel_id: int | None) -> None:
        """What to answer from, in one channel or everywhere else; None: the default."""
        known = await self._collections(click)
        language = language_of(click.locale)
        if name and name not in known:
            names = ", ".join(plain(one, 45) for one in known[:MOST_CHOICES]) or "–"
            await self._refuse(click, say("config.no_collection", language, name=plain(name, 60), names=names))
            return
        if channel_id is None:
            await self._set(click, {"collection": name})
            return
        chosen = {k: v for k, v in self._configs.get(_guild_id(click)).collections.items() if k != channel_id}
        if name and len(chosen) >= MOST_CHANNELS:
            await self._refuse(click, say("config.full", language, count=MOST_CHANNELS))
            return
        await self._set(click, {"collections": chosen | ({channel_id: name} if name else {})})

    async def offer_collections(self, click: Click, typed: str) -> list[str]:
        """Collections that hold something for this server, while somebody types."""
        wanted = typed.strip().casefold()
        return [name for name in await self._collections(click) if wanted in name][:MOST_CHOICES]

    async def _collections(self, click: Click) -> list[str]:
        # Of the whole server: whoever may configure the bot is not asking for themselves.
        guild = click.client.get_guild(_guild_id(click))
        readers = audience.of_guild(guild)
        return await self._catalog.collections(readers)

    async def _set(self, click: Click, values: dict[str, Any]) -> None:
        guild_id, language = _guild_id(click), language_of(click.locale)
        await click.response.defer(ephemeral=True, thinking=True)
        lines: list[str] = []
        try:
            for option, value in values.items():
                if value is None:
                    config = await self._configs.reset(guild_id, click.user.id, option)
                else:
                    config = await self._configs.set(guild_id, click.user.id, option, value)
                lines.append(self._saved(click, option, config, language))
        except (SQLAlchemyError, OSError) as error:
            log.warning("config_not_saved", guild=guild_id, error=str(error))
            lines.append(say("config.busy", language))
        self.on_change()
        await click.edit_original_response(content="\n".join(lines), allowed_mentions=NO_MENTIONS)

    def _saved(self, click: Click, option: str, config: GuildConfig, language: str) -> str:
        name, value = say(f"config.{option}", language), option_value(option, config, language)
        line = say("config.saved", language, option=name, value=value)
        hint = self._hints(click, config).get(option)
        return f"{line}\n⚠️ {hint}" if hint else line

    def _hints(self, click: Click, config: GuildConfig) -> dict[str, str]:
        """What keeps an option from working, by option."""
        language, hints = language_of(click.locale), dict[str, str]()
        if not self._reads_content:
            needs = say("config.needs_content", language)
            hints |= {option: needs for option in ("forums", "live") if getattr(config, option)}
        guild = click.client.get_guild(_guild_id(click))
        if guild is not None:
            # Lists of the environment's hold for other servers, too.
            for option in _PLACES & self._configs.own(guild.id):
                if gone := [str(place) for place in getattr(config, option) if guild.get_channel(place) is None]:
                    hints.setdefault(option, say("config.gone", language, names=" ".join(gone[:_MOST_NAMED])))
        if guild is not None and config.human_role is not None:
            role = guild.get_role(config.human_role)
            if role is None or not (role.mentionable or guild.me.guild_permissions.mention_everyone):
                hints["human_role"] = say("config.cannot_ping", language)
        return hints

    async def _refuse(self, click: Click, text: str) -> None:
        await click.response.send_message(text, ephemeral=True, allowed_mentions=NO_MENTIONS)


def _guild_id(click: Click) -> int:
    assert click.guild_id is not None  # the command exists in servers only
    return click.guild_id
