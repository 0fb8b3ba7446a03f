"""How often people may ask: a pause between one person's questions, and a server's answers per day."""

import asyncio
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from datetime import UTC, date, datetime

from askmesh_kit.logs import get_logger

from askmesh_bot.frontends.discord.config.store import GuildConfigs
from askmesh_bot.frontends.discord.journal import Journal
from askmesh_bot.frontends.discord.texts import say

log = get_logger("askmesh.discord.limits")

_REMEMBERED = 10_000


def _now() -> datetime:
    return datetime.now(UTC)


class Limits:
    """0 means no limit. Days are UTC days. Decided from memory, so that nobody waits; the journal is told afterwards, so
    that a restart gives nothing back."""

    def __init__(
        self,
        journal: Journal,
        configs: GuildConfigs,
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], datetime] = _now,
    ) -> None:
        self._journal, self._configs, self._clock, self._now = journal, configs, clock, today
        self._last: OrderedDict[int, float] = OrderedDict()
        self._spent: Counter[int] = Counter()
        self._day: date = today().date()
        self._telling: set[asyncio.Task[None]] = set()

    async def load(self) -> None:
        """What a process before this one counted today."""
        self._spent = Counter(await self._journal.spent(self._now()))

    def refusal(self, user_id: int, guild_id: int | None, language: str, *, paced: bool = True) -> str | None:
        """What to tell someone who may not ask now; None, and the question counts, where they may.

        `paced`: whether people pause between questions.
        """
        config, now = self._configs.get(guild_id), self._clock()
        if paced and (wait := self._last.get(user_id, -math.inf) + config.cooldown_s - now) > 0:
            return say("cooldown", language, seconds=math.ceil(wait))
        if guild_id is not None and not self._may_spend(guild_id, config.daily_answers):
            return say("budget", language, count=config.daily_answers)
        self._last[user_id] = now
        self._last.move_to_end(user_id)
        if len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)
        return None

    async def settled(self) -> None:
        """Wait until the journal knows all that was counted."""
        if self._telling:
            await asyncio.wait(set(self._telling))

    def _may_spend(self, guild_id: int, most: int) -> bool:
        now = self._now()
        if now.date() != self._day:
            self._day = now.date()
            self._spent.clear()
        if most and self._spent[guild_id] >= most:
            return False
        self._spent[guild_id] += 1
        if most:
            task = asyncio.create_task(self._tell(guild_id, now))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)
        return True

    async def _tell(self, guild_id: int, at: datetime) -> None:
        try:
            await self._journal.spend(guild_id, at)
        except Exception as error:  # noqa: BLE001 - a database that is away costs a count, not an answer
            log.warning("count_not_kept", guild=guild_id, error=str(error))
