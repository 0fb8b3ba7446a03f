"""What time it is for Discord: ids carry the time at which Discord gave them, and this host's clock may differ."""

import time
from datetime import UTC, datetime, timedelta

import discord


class DiscordClock:
    """Told from the newest messages as they arrive. Until the first one, this host's clock is believed."""

    def __init__(self) -> None:
        self._ahead: timedelta | None = None

    def heed(self, message_id: int) -> None:
        """A message came. It was written before now: of several the one that was under way least counts."""
        self._believe(discord.utils.snowflake_time(message_id) - _here())

    def resume(self, then: int, here: int) -> None:
        """Go on from what a process before this one told: Discord's time and this host's, as ids."""
        self._believe(discord.utils.snowflake_time(then) - discord.utils.snowflake_time(here))

    def now(self) -> datetime:
        return _here() + (self._ahead or timedelta())

    def now_as_id(self) -> int:
        """An id that Discord would give now."""
        return discord.utils.time_snowflake(self.now())

    def here_as_id(self) -> int:
        """The same by this host's clock."""
        return discord.utils.time_snowflake(_here())

    def since(self, seconds: float) -> int:
        """An id from that long ago."""
        return max(0, discord.utils.time_snowflake(self.now() - timedelta(seconds=seconds)))

    def _believe(self, ahead: timedelta) -> None:
        self._ahead = ahead if self._ahead is None else max(self._ahead, ahead)


def _here() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)
