"""A thread that is learned, or may be, and a channel where that is switched on.

A question in a channel with the replies to it counts as a thread, by the question's id.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

# Why a thread may be cited: its tag says it is solved, a reply was accepted, or it was closed with a reply in it.
Because = Literal["", "solved", "accepted", "closed"]

# Newer than any message; older than any thread.
NEWEST, OLDEST = (1 << 63) - 1, datetime(2015, 1, 1, tzinfo=UTC)


@dataclass
class Known:
    """A thread. `due_at`: when to read it again; None: nothing has changed. `urgent`: somebody changed it just now.
    `replies`: it is a question with its replies, or one of those, whose question is yet to be found."""

    thread_id: int
    guild_id: int
    channel_id: int
    because: Because = ""
    due_at: datetime | None = None
    urgent: bool = False
    replies: bool = False
    # Whether somebody replied to it: known where one came from a reply.
    found: bool = False
    # Times that it changed, by which a change while it is being read is noticed.
    marks: int = 0
    # Times that reading it failed in a row.
    tries: int = 0
    # How long reading it took, in seconds.
    read_s: float = 0.0


@dataclass
class LiveChannel:
    """`alive_at`: up to when everything was heard. While `listing`, its archived threads are listed from `cursor` back;
    then its own messages, from `read_before` back."""

    channel_id: int
    guild_id: int
    alive_at: datetime
    listing: bool = False
    cursor: datetime | None = None
    found: int = 0
    read_before: int | None = None


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
