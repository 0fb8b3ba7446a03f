"""A bounded pool of connections, each prepared for this service.

Not psycopg_pool: while a server is down or refuses the password, that one waits out its timeout without saying why.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import psycopg
from askmesh_kit import context
from askmesh_kit.errors import DeadlineExceeded
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from askmesh_vectordb.stores.base import OutcomeUnknown, StoreUnavailable
from askmesh_vectordb.stores.postgres.errors import REPEATABLE, translated
from askmesh_vectordb.stores.slots import Slots

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]

_ATTEMPTS = 5
"""Times a transaction is tried whose records others write at the same moment."""


class _Stale(Exception):
    """The connection was left over from before the server went away; what was asked did not happen."""


class Connections:
    """`prepare` sets up each new connection. Safe to use from many tasks of one event loop."""

    def __init__(self, url: str, prepare: Work[None], *, size: int, queue: int, timeout_s: float) -> None:
        self._url, self._prepare, self._timeout_s = url, prepare, timeout_s
        self._slots = Slots("PostgreSQL", size, queue, timeout_s)
        self._idle: list[AsyncConnection] = []
        self._running: set[asyncio.Task[Any]] = set()

    async def read(self, work: Work[T]) -> T:
        """Run statements, each a transaction of its own."""
        return await self._repeated(_Read(work))

    async def write(self, work: Work[T]) -> T:
        """Run work as one transaction. Raises OutcomeUnknown only where the commit was on its way."""
        transaction = _Transaction(work)
        try:
            return await self._repeated(transaction)
        except StoreUnavailable as error:
            if transaction.committing:
                raise OutcomeUnknown(error.detail, fix="Try again: writes can be repeated.") from error
            raise

    async def close(self) -> None:
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._close_idle()

    async def _repeated(self, work: "_Read[T] | _Transaction[T]") -> T:
        with translated():
            for attempt in range(1, _ATTEMPTS):
                try:
                    return await self._once(work)
                except REPEATABLE:
                    await asyncio.sleep(0.01 * 2**attempt)
                except _Stale:
                    # The other idle connections are as old.
                    await self._close_idle()
            return await self._once(work)

    async def _once(self, work: "_Read[T] | _Transaction[T]") -> T:
        await self._slots.take()
        try:
            left = context.time_left(self._timeout_s)
        except DeadlineExceeded:
            self._slots.release()
            raise
        task = asyncio.ensure_future(self._on_a_connection(work))
        self._running.add(task)
        task.add_done_callback(self._done)
        try:
            done, _ = await asyncio.wait([task], timeout=left)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not done:
            # It goes on by itself, in its slot: tells the server to stop, and hangs up where nobody answers.
            task.cancel()
            raise TimeoutError
        return task.result()

    async def _on_a_connection(self, work: "_Read[T] | _Transaction[T]") -> T:
        kept = self._idle.pop() if self._idle else None
        connection = kept or await self._open()
        try:
            return await work(connection)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            if kept and connection.broken and not work.committing:
                raise _Stale from error
            raise
        finally:
            if connection.info.transaction_status == TransactionStatus.IDLE:
                self._idle.append(connection)
            else:
                await connection.close()

    async def _open(self) -> AsyncConnection:
        # libpq takes whole seconds; the wait itself is bounded above.
        seconds = max(2, int(self._timeout_s))
        conninfo = make_conninfo(self._url, connect_timeout=seconds)
        connection = await AsyncConnection.connect(conninfo, autocommit=True)
        try:
            await self._prepare(connection)
        except BaseException:
            await connection.close()
            raise
        return connection

    def _done(self, task: "asyncio.Task[T]") -> None:
        self._running.discard(task)
        self._slots.release()
        if not task.cancelled():
            # Looked at, so that nobody is told of an abandoned task's failure.
            task.exception()

    async def _close_idle(self) -> None:
        while self._idle:
            await self._idle.pop().close()


class _Read(Generic[T]):
    committing = False

    def __init__(self, work: Work[T]) -> None:
        self._work = work

    async def __call__(self, connection: AsyncConnection) -> T:
        return await self._work(connection)


class _Transaction(Generic[T]):
    """Work between BEGIN and COMMIT. `committing`: the commit was sent, and not answered with success."""

    def __init__(self, work: Work[T]) -> None:
        self._work, self.committing = work, False

    async def __call__(self, connection: AsyncConnection) -> T:
        self.committing = False
        await connection.execute("BEGIN")
        try:
            result = await self._work(connection)
        except Exception:
            if not connection.broken:
                await connection.execute("ROLLBACK")
            raise
        self.committing = True
        await connection.execute("COMMIT")
        self.committing = False
        return result
