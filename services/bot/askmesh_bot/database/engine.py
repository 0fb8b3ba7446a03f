"""One database, SQLite or Postgres: sessions to read with, transactions to write in, migrations at start-up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, event, make_url, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import QueuePool
from sqlalchemy.util.concurrency import await_, in_greenlet

from askmesh_bot.database.migrate import upgrade

_WRITES = "askmesh_writes"
# A statement waits for a lock for up to ten seconds.
_LONGEST_CLOSING_S = 12.0
_ending: WeakKeyDictionary[Any, asyncio.Future[None]] = WeakKeyDictionary()


class Database:
    """The bot's database. Nothing is opened before first use."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self._is_sqlite = self._url.get_backend_name() == "sqlite"
        self.engine = create_async_engine(self._url, pool_pre_ping=not self._is_sqlite)
        self._writing_engine = self.engine.execution_options(**{_WRITES: True})
        self._opening: set[asyncio.Future[None]] = set()
        if self._is_sqlite:
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self.engine.sync_engine, "begin", _begin_sqlite)
            # SQLAlchemy's own way asks aiosqlite's thread twice where a task is cancelled twice, the second time when it
            # has gone: that never ends.
            self.engine.sync_engine.dialect.do_terminate = _stop_sqlite  # type: ignore[assignment]

    @property
    def is_postgres(self) -> bool:
        """Whether several hosts can share it."""
        return self._url.get_backend_name() == "postgresql"

    async def migrate(self) -> None:
        """Create or upgrade the tables. Safe to run from several processes at once."""
        if self._is_sqlite and self._url.database and self._url.database != ":memory:":
            Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
        await self._ready()
        async with self._writing_engine.begin() as connection:
            await connection.run_sync(upgrade)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session for queries."""
        await self._ready()
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """A transaction: committed when the block ends, rolled back when it raises. Keep it short, without awaits of
        anything but the database: SQLite has one writer at a time."""
        await self._ready()
        async with AsyncSession(self._writing_engine, expire_on_commit=False) as session, session.begin():
            yield session

    async def check(self) -> str | None:
        """A readiness check."""
        await self._ready()
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
        return None

    async def close(self) -> None:
        loop = asyncio.get_running_loop()
        for half_done in [*self._opening, *(one for one in _ending.values() if one.get_loop() is loop)]:
            await _answered(half_done)
        await self.engine.dispose()

    async def _ready(self) -> None:
        """Have a connection in the pool. It is opened to the end though its caller is cancelled: the driver's thread
        answers to this event loop, and who was cancelled halfway would leave the connection to the collector."""
        pool = self.engine.pool
        if not self._is_sqlite or not isinstance(pool, QueuePool) or pool.checkedin():
            return
        opening = asyncio.ensure_future(self._open())
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)
        await asyncio.shield(opening)

    async def _open(self) -> None:
        async with self.engine.connect():
            pass


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # Transactions are begun by _begin_sqlite: the driver's own way would leave DDL outside of them.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _stop_sqlite(connection: Any) -> None:
    """What a cancelled task leaves is closed by the connection's own thread, after what it is at."""
    driver = connection.driver_connection
    if not in_greenlet():
        driver.stop()
        return
    if driver not in _ending:
        _ending[driver] = asyncio.ensure_future(_end(driver))
    await_(asyncio.shield(_ending[driver]))


async def _end(driver: Any) -> None:
    # Closing alone would keep the lock for as long as anything, a traceback say, still has a cursor of the connection.
    await _answered(asyncio.ensure_future(driver.rollback()))
    if (closed := driver.stop()) is not None:
        await _answered(closed)


async def _answered(work: "asyncio.Future[Any]") -> None:
    """Waits on when cancelled, for the thread answers to this event loop, which must not be closed before."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _LONGEST_CLOSING_S
    while not work.done() and loop.time() < deadline:
        with suppress(asyncio.CancelledError):
            await asyncio.wait({work}, timeout=deadline - loop.time())
    if work.done() and not work.cancelled():
        work.exception()  # whoever was cancelled has nobody to tell


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: a reader that turns writer midway may find its snapshot outdated and fail.
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
