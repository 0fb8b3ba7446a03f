"""What must outlive a restart: which messages were taken, and which thread continues which conversation."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

T = TypeVar("T")
# `asked`: whose question it was; `rated`: whose verdict stands.
What = Literal["asked", "rated"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS taken (message_id INTEGER PRIMARY KEY, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS places (
    place_id INTEGER PRIMARY KEY, conversation_id TEXT NOT NULL, asker_id INTEGER NOT NULL, at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS people (
    answer_id TEXT NOT NULL, what TEXT NOT NULL, user_id INTEGER NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (answer_id, what)
);
CREATE INDEX IF NOT EXISTS people_user ON people (user_id);
CREATE TABLE IF NOT EXISTS opted_out (user_id INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS spent (
    guild_id INTEGER NOT NULL, day TEXT NOT NULL, answers INTEGER NOT NULL, PRIMARY KEY (guild_id, day)
);
CREATE TABLE IF NOT EXISTS seen (
    channel_id INTEGER PRIMARY KEY, message_id INTEGER NOT NULL, private INTEGER NOT NULL
);
"""
_KEEP_TAKEN_S = 7 * 86_400
_KEEP_PEOPLE_S = 366 * 86_400


@dataclass(frozen=True)
class Place:
    """A thread, DM or message whose conversation can be continued."""

    conversation_id: str
    asker_id: int


@dataclass(frozen=True)
class Seen:
    """The newest message seen in a channel; `private`: a direct one."""

    message_id: int
    private: bool


class Journal:
    """A small SQLite file. Opening raises OSError or sqlite3.Error where the folder can't be written."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=5000;")
        self._db.executescript(_SCHEMA)
        now = time.time()
        self._db.execute("DELETE FROM taken WHERE at < ?", (now - _KEEP_TAKEN_S,))
        self._db.execute("DELETE FROM people WHERE at < ?", (now - _KEEP_PEOPLE_S,))
        self._db.execute("DELETE FROM spent WHERE day < date('now', '-2 days')")
        self._db.execute(
            "DELETE FROM seen WHERE message_id NOT IN (SELECT message_id FROM seen ORDER BY 1 DESC LIMIT 5000)"
        )

    def close(self) -> None:
        with self._lock:
            self._db.close()

    async def take(self, message_id: int) -> bool:
        """Whether this message is now ours to answer: False if it was taken before, also before a restart."""

        def insert() -> bool:
            return self._db.execute("INSERT OR IGNORE INTO taken VALUES (?, ?)", (message_id, time.time())).rowcount > 0

        return await self._run(insert)

    async def remember(self, place_ids: list[int], place: Place) -> None:
        """The conversation these threads, DMs or messages belong to from now on."""
        rows = [(place_id, place.conversation_id, place.asker_id, time.time()) for place_id in place_ids]
        await self._run(lambda: self._db.executemany("INSERT OR REPLACE INTO places VALUES (?, ?, ?, ?)", rows))

    async def place(self, place_id: int) -> Place | None:
        def read() -> tuple[str, int] | None:
            query = "SELECT conversation_id, asker_id FROM places WHERE place_id = ?"
            row: tuple[str, int] | None = self._db.execute(query, (place_id,)).fetchone()
            return row

        row = await self._run(read)
        return Place(*row) if row else None

    async def note(self, answer_id: str, what: What, user_id: int) -> None:
        """Whose question an answer answers, or whose verdict on it stands."""
        row = answer_id, what, user_id, time.time()
        await self._run(lambda: self._db.execute("INSERT OR REPLACE INTO people VALUES (?, ?, ?, ?)", row))

    async def noted(self, user_id: int, what: What) -> list[str]:
        """The answers noted for this person."""
        query = "SELECT answer_id FROM people WHERE user_id = ? AND what = ?"
        rows = await self._run(lambda: self._db.execute(query, (user_id, what)).fetchall())
        return [answer_id for (answer_id,) in rows]

    async def forget(self, user_id: int) -> None:
        """Everything about a person but whether they opted out."""

        def delete() -> None:
            self._db.execute("DELETE FROM people WHERE user_id = ?", (user_id,))
            self._db.execute("DELETE FROM places WHERE asker_id = ?", (user_id,))

        await self._run(delete)

    async def opt_out(self, user_id: int, out: bool) -> None:
        statement = "INSERT OR IGNORE INTO opted_out VALUES (?)" if out else "DELETE FROM opted_out WHERE user_id = ?"
        await self._run(lambda: self._db.execute(statement, (user_id,)))

    async def opted_out(self, user_id: int) -> bool:
        query = "SELECT 1 FROM opted_out WHERE user_id = ?"
        return await self._run(lambda: self._db.execute(query, (user_id,)).fetchone()) is not None

    async def spend(self, guild_id: int, day: str, most: int) -> bool:
        """Count one answer of a guild's day; False where `most` are spent."""
        statement = (
            "INSERT INTO spent VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET answers = answers + 1 WHERE answers < ?"
        )
        return await self._run(lambda: self._db.execute(statement, (guild_id, day, most)).rowcount > 0)

    async def saw(self, newest: dict[int, Seen]) -> None:
        """The newest message seen in each of these channels."""
        rows = [(channel_id, seen.message_id, seen.private) for channel_id, seen in newest.items()]
        await self._run(lambda: self._db.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?, ?)", rows))

    async def seen(self) -> dict[int, Seen]:
        """The newest message seen, by channel."""
        query = "SELECT channel_id, message_id, private FROM seen"
        rows = await self._run(lambda: self._db.execute(query).fetchall())
        return {channel_id: Seen(message_id, bool(private)) for channel_id, message_id, private in rows}

    async def _run(self, work: Callable[[], T]) -> T:
        def locked() -> T:
            with self._lock:
                return work()

        return await asyncio.to_thread(locked)
