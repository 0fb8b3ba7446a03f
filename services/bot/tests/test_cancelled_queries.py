"""Tasks that are cancelled in the middle of a query leave no task, no thread and no lock behind."""

import asyncio
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
