"""Calls people where the sources hold no answer: the one mention that the bot makes."""

import time
from collections import OrderedDict
from collections.abc import Callable

import discord
from askmesh_kit.logs import get_logger

from askmesh_bot.frontends.discord.config.store import GuildConfigs
from askmesh_bot.frontends.discord.rest import bounded
from askmesh_bot.frontends.discord.texts import say

log = get_logger("askmesh.discord.humans")

_REMEMBERED = 5_000


class Humans:
    """At most one call per server and `gap_s` seconds; what is asked in between is not called out."""

    def __init__(
        self, configs: GuildConfigs, gap_s: float, deadline_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._configs, self._gap_s, self._deadline_s, self._clock = configs, gap_s, deadline_s, clock
        self._called: OrderedDict[int, float] = OrderedDict()

    async def call(self, guild: discord.Guild | None, channel: object, language: str) -> None:
        """Mention the server's role, and nobody else, below an answer that there is not."""
        role_id = self._configs.get(guild.id).human_role if guild is not None else None
        if guild is None or role_id is None or not isinstance(channel, discord.abc.Messageable):
            return
        role = guild.get_role(role_id)
        if role is None or role.is_default():
            return  # of another server, deleted, or everyone
        if not self._may_call(guild.id):
            log.info("human_not_called", guild=guild.id)
            return
        mention = discord.AllowedMentions(everyone=False, users=False, roles=[discord.Object(role_id)])
        text = say("call_human", language, role=f"<@&{role_id}>")
        try:
            await bounded(channel.send(text, allowed_mentions=mention), self._deadline_s)
        except (discord.HTTPException, OSError, TimeoutError) as error:
            log.warning("human_not_reached", guild=guild.id, error=str(error))

    def _may_call(self, guild_id: int) -> bool:
        now = self._clock()
        last = self._called.get(guild_id)
        if last is not None and now - last < self._gap_s:
            return False
        self._called[guild_id] = now
        self._called.move_to_end(guild_id)
        if len(self._called) > _REMEMBERED:
            self._called.popitem(last=False)
        return True
