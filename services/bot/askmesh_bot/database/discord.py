"""The Discord frontend's tables: what must outlive a restart, and be known to whichever process connects next."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from askmesh_bot.database.models import Base, now


def _id(**options: Any) -> Any:
    # Discord's ids have 64 bits and are given by Discord.
    return mapped_column(BigInteger, autoincrement=False, **options)


class DiscordGuildRow(Base):
    """What a server's admins set with `/config`; what is not in `options` is as the settings say."""

    __tablename__ = "discord_guilds"

    guild_id: Mapped[int] = _id(primary_key=True)
    options: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime] = mapped_column(default=now)


class DiscordChangeRow(Base):
    """Who changed which option of a server to what. The newest are kept."""

    __tablename__ = "discord_changes"
    __table_args__ = (Index(None, "guild_id", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    guild_id: Mapped[int] = _id()
    user_id: Mapped[int] = _id()
    option: Mapped[str] = mapped_column(String(32))
    # What the option became, under the key `value`; no key where it went back to the default.
    became: Mapped[dict[str, Any]]
    at: Mapped[datetime] = mapped_column(default=now)


class DiscordTakenRow(Base):
    """A message, forum post or interaction that was taken to be answered: it is never taken again, but taken over where
    its answer is not `done` and the process `owner` no longer counts `beat` up."""

    __tablename__ = "discord_taken"

    message_id: Mapped[int] = _id(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now, index=True)
    done: Mapped[bool] = mapped_column(default=True, index=True)
    owner: Mapped[str] = mapped_column(String(16), default="")
    beat: Mapped[int] = mapped_column(default=0)
    # How often it was taken over.
    again: Mapped[int] = mapped_column(default=0)
    kind: Mapped[str] = mapped_column(String(16), default="message")
    # Where it was asked.
    channel_id: Mapped[int | None] = mapped_column(BigInteger)
    language: Mapped[str] = mapped_column(String(16), default="en")
    # The messages of the answer so far: pairs of a channel's id and a message's.
    shown: Mapped[list[Any]] = mapped_column(JSON, default=list)


class DiscordPlaceRow(Base):
    """Which conversation a thread, direct channel or message continues. `silenced`: staff took over there."""

    __tablename__ = "discord_places"

    place_id: Mapped[int] = _id(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(String(128))
    asker_id: Mapped[int] = _id(index=True)
    silenced: Mapped[bool] = mapped_column(default=False)
    at: Mapped[datetime] = mapped_column(default=now)


class DiscordPersonRow(Base):
    """Whose question an answer answers (`asked`), or who accepted it (`accepted`)."""

    __tablename__ = "discord_people"

    answer_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    what: Mapped[str] = mapped_column(String(8), primary_key=True)
    user_id: Mapped[int] = _id(index=True)
    at: Mapped[datetime] = mapped_column(default=now)


class DiscordOptOutRow(Base):
    """Somebody of whom nothing is kept."""

    __tablename__ = "discord_opted_out"

    user_id: Mapped[int] = _id(primary_key=True)


class DiscordSpentRow(Base):
    """How many answers a server had on a day (UTC)."""

    __tablename__ = "discord_spent"

    guild_id: Mapped[int] = _id(primary_key=True)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    answers: Mapped[int] = mapped_column(default=0)


class DiscordSeenRow(Base):
    """The newest message seen in a channel."""

    __tablename__ = "discord_seen"

    channel_id: Mapped[int] = _id(primary_key=True)
    message_id: Mapped[int] = _id()
    private: Mapped[bool]


class DiscordAnswerRow(Base):
    """A message that shows an answer everyone in its channel can read, and the records it cites as they were then.

    `cited`: a list of `{collection, fingerprint, source, record, hash}`. `marked_at`: when it was marked because one of
    them had changed.
    """

    __tablename__ = "discord_answers"
    __table_args__ = (Index(None, "answer_id"), Index(None, "asker_id"))

    message_id: Mapped[int] = _id(primary_key=True)
    channel_id: Mapped[int] = _id()
    answer_id: Mapped[str] = mapped_column(String(64))
    asker_id: Mapped[int] = _id()
    cited: Mapped[list[dict[str, Any]]]
    marked_at: Mapped[datetime | None]
    at: Mapped[datetime] = mapped_column(default=now, index=True)


class DiscordThreadRow(Base):
    """A thread that was learned, or is to be read.

    `because`: why it may be cited, empty where it may not. `due_at`: when it is to be read again. `replies`: it is no thread
    of Discord's, but a message of a channel with the replies to it.
    """

    __tablename__ = "discord_threads"

    thread_id: Mapped[int] = _id(primary_key=True)
    guild_id: Mapped[int] = _id()
    channel_id: Mapped[int] = _id(index=True)
    because: Mapped[str] = mapped_column(String(16), default="")
    due_at: Mapped[datetime | None]
    urgent: Mapped[bool] = mapped_column(default=False)
    replies: Mapped[bool] = mapped_column(default=False)


class DiscordReplyRow(Base):
    """A message that is a part of the learned replies to another one, whose id is `thread_id`."""

    __tablename__ = "discord_replies"

    message_id: Mapped[int] = _id(primary_key=True)
    thread_id: Mapped[int] = _id(index=True)


class DiscordThreadAuthorRow(Base):
    """Somebody whose words a learned thread holds."""

    __tablename__ = "discord_thread_authors"

    thread_id: Mapped[int] = _id(primary_key=True)
    user_id: Mapped[int] = _id(primary_key=True, index=True)


class DiscordLiveChannelRow(Base):
    """A channel whose threads are learned as they are written, and how far its past has been listed.

    `alive_at`: up to when everything was heard. `listing`: its archived threads are being listed, from `cursor`
    back, and the channel's own messages from `read_before` back; `found`: how many the listing has found.
    """

    __tablename__ = "discord_live_channels"

    channel_id: Mapped[int] = _id(primary_key=True)
    guild_id: Mapped[int] = _id()
    alive_at: Mapped[datetime] = mapped_column(default=now)
    listing: Mapped[bool] = mapped_column(default=False)
    cursor: Mapped[datetime | None]
    found: Mapped[int] = mapped_column(default=0)
    read_before: Mapped[int | None] = mapped_column(BigInteger)
