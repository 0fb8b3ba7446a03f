"""Tasks that are cancelled in the middle of a query leave no task, no thread and no lock behind."""

import asyncio
import gc
import random
import threading

import pytest
from askmesh_bot.database.engine import Database
from sqlalchemy import text

pytestmark = pytest.mark.anyio


async def test_cancelled_twice_at_any_moment(tmp_path):
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'bot.db'}")
    await database.migrate()
    dice = random.Random(5)
    threads, tasks = threading.active_count(), len(asyncio.all_tasks())

    async def work():
        async with database.write() as session:
            for _ in range(5):
                await session.execute(text("SELECT count(*) FROM sqlite_master"))

    for _ in range(150):
        working = asyncio.create_task(work())
        for _ in range(2):
            await asyncio.sleep(dice.random() * 0.003)
            working.cancel()
        await asyncio.wait({working})
    async with asyncio.timeout(60):
        while len(asyncio.all_tasks()) > tasks:
            await asyncio.sleep(0.01)
        # Somebody who was not cancelled gets the lock.
        await work()
    await database.close()
    async with asyncio.timeout(60):
        while threading.active_count() > threads:
            await asyncio.sleep(0.02)


def test_what_is_cancelled_while_it_connects_is_closed_before_the_event_loop(tmp_path):
    """Else the driver's thread has nobody to tell, and the connection is left to the collector."""
    failures = []
    before, threading.excepthook = threading.excepthook, failures.append
    try:
        for turns in range(60):
            asyncio.run(_cancelled_after(turns, tmp_path / f"{turns % 3}.db"))
        gc.collect()
    finally:
        threading.excepthook = before
    assert failures == []


async def _cancelled_after(turns, path):
    database = Database(f"sqlite+aiosqlite:///{path}")

    async def work():
        async with database.read() as session:
            await session.execute(text("SELECT 1"))

    working = asyncio.create_task(work())
    for _ in range(turns // 3):
        await asyncio.sleep(0.0002)
    working.cancel()
    await asyncio.wait({working})
    await database.close()
