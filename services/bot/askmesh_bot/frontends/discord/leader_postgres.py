"""A lock in PostgreSQL: one gateway connection among hosts that share the database."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator

from askmesh_kit.logs import get_logger
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from askmesh_bot.database.engine import Database
from askmesh_bot.frontends.discord.ending import end
from askmesh_bot.frontends.discord.leader import Lost, Waits

log = get_logger("askmesh.discord.leader")

# How often the holder asks for a sign of life, and how long it waits for one. Together less than what the server takes to
# give up a holder whose host vanished, so that a holder that is cut off stops before another begins.
_BEAT_S, _PATIENCE_S = 1.0, 1.5
_SERVER_KEEPALIVE = {"tcp_keepalives_idle": 2, "tcp_keepalives_interval": 1, "tcp_keepalives_count": 3}
_AWAY_S = 1.0


class PostgresLeader:
    """A session's advisory lock. The server frees it when the session ends: at once where the holder is killed, after
    about five seconds where its host vanishes. A pooler that shares sessions between clients can't be in between."""

    def __init__(self, database: Database, token: str, poll_s: float) -> None:
        self._database, self._poll_s = database, poll_s
        digest = hashlib.sha256(b"askmesh discord gateway\0" + token.encode()).digest()
        self._key = int.from_bytes(digest[:8], signed=True)

    @contextlib.asynccontextmanager
    async def hold(self, on_wait: Waits) -> AsyncIterator[Lost]:
        connection = await self._lock(on_wait)
        lost: Lost = asyncio.get_running_loop().create_future()
        beating = asyncio.create_task(self._beat(connection, lost))
        try:
            yield lost
        finally:
            await end(beating)
            await _hang_up(connection)

    async def _lock(self, on_wait: Waits) -> AsyncConnection:
        """A session that holds the lock; tried for as long as it takes."""
        while True:
            connection: AsyncConnection | None = None
            try:
                connection = await self._connect()
                while not await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": self._key}):
                    on_wait("")
                    await asyncio.sleep(self._poll_s)
            except (SQLAlchemyError, OSError) as error:
                on_wait(f"the bot's database is away: {error}".splitlines()[0])
                await _hang_up(connection)
                await asyncio.sleep(_AWAY_S)
            except BaseException:
                await _hang_up(connection)
                raise
            else:
                return connection

    async def _connect(self) -> AsyncConnection:
        connection = await self._database.engine.connect()
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        for name, value in _SERVER_KEEPALIVE.items():
            await connection.execute(text(f"SET {name} = {value}"))
        return connection

    async def _beat(self, connection: AsyncConnection, lost: Lost) -> None:
        while True:
            await asyncio.sleep(_BEAT_S)
            sign = asyncio.ensure_future(connection.execute(text("SELECT 1")))
            done, _ = await asyncio.wait({sign}, timeout=_PATIENCE_S)
            error = sign.exception() if done else TimeoutError("no sign of life")
            if error is not None:
                sign.cancel()
                log.error("leadership_lost", error=str(error).splitlines()[0])
                lost.set_result("the session in the bot's database that held the lock ended")
                return


async def _hang_up(connection: AsyncConnection | None) -> None:
    """End the session, and the lock with it: a connection that went back to the pool would keep it."""
    if connection is None:
        return
    with contextlib.suppress(Exception):
        await connection.invalidate()
    with contextlib.suppress(Exception):
        await connection.close()
