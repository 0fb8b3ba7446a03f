"""What must outlive a restart: which messages were taken, and which thread continues which conversation."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS taken (message_id INTEGER PRIMARY KEY, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS places (
    place_id INTEGER PRIMARY KEY, conversation_id TEXT NOT NULL, asker_id INTEGER NOT NULL, at REAL NOT NULL
);
"""
_KEEP_TAKEN_S = 7 * 86_400


@dataclass(frozen=True)
class Place:
    """A thread, DM or message whose conversation can be continued."""

    conversation_id: str
    asker_id: int


class Journal:
    """A small SQLite file. Opening raises OSError or sqlite3.Error where the folder can't be written."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=5000;")
        self._db.executescript(_SCHEMA)
        self._db.execute("DELETE FROM taken WHERE at < ?", (time.time() - _KEEP_TAKEN_S,))

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

    async def _run(self, work: Callable[[], T]) -> T:
        def locked() -> T:
            with self._lock:
                return work()

        return await asyncio.to_thread(locked)
