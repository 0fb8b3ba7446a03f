"""How often people may ask: a pause between one person's questions, and a server's answers per day."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime

from askmesh_bot.frontends.discord.journal import Journal
from askmesh_bot.frontends.discord.texts import say

_REMEMBERED = 10_000


class Limits:
    """0 means no limit. Days are UTC days and are counted in the journal, so that a restart gives nothing back."""

    def __init__(
        self,
        journal: Journal,
        cooldown_s: float,
        daily_answers: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal, self._cooldown_s, self._daily_answers, self._clock = journal, cooldown_s, daily_answers, clock
        self._last: OrderedDict[int, float] = OrderedDict()

    async def refusal(self, user_id: int, guild_id: int | None, language: str, *, paced: bool = True) -> str | None:
        """What to tell someone who may not ask now; None, and the question counts, where they may.

        `paced`: whether people pause between questions.
        """
        now = self._clock()
        if paced and (wait := self._last.get(user_id, -math.inf) + self._cooldown_s - now) > 0:
            return say("cooldown", language, seconds=math.ceil(wait))
        if guild_id is not None and self._daily_answers:
            today = datetime.now(UTC).date().isoformat()
            if not await self._journal.spend(guild_id, today, self._daily_answers):
                return say("budget", language, count=self._daily_answers)
        self._last[user_id] = now
        self._last.move_to_end(user_id)
        if len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)
        return None
