"""A thread that is learned, or may be, and a channel where that is switched on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

# Why a thread may be cited: its tag says it is solved, a reply was accepted, or it was closed with a reply in it.
Because = Literal["", "solved", "accepted", "closed"]


@dataclass
class Known:
    """A thread. `due_at`: when to read it again; None: nothing has changed. `urgent`: somebody changed it just now."""

    thread_id: int
    guild_id: int
    channel_id: int
    because: Because = ""
    due_at: datetime | None = None
    urgent: bool = False
    # Times that it changed, by which a change while it is being read is noticed.
    marks: int = 0
    # Times that reading it failed in a row.
    tries: int = 0


@dataclass
class LiveChannel:
    """`alive_at`: up to when everything was heard. While `listing`, its archived threads are listed from `cursor` back."""

    channel_id: int
    guild_id: int
    alive_at: datetime
    listing: bool = False
    cursor: datetime | None = None
    found: int = 0


@dataclass(frozen=True)
class Progress:
    """How far reading a channel's past is: threads found so far, those still to be read, those that may be cited."""

    found: int
    left: int
    learned: int
    listing: bool

    @property
    def done(self) -> bool:
        return not self.listing and not self.left
