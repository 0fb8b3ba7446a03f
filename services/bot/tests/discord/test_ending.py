"""Tasks that lose a cancellation are ended all the same."""

import asyncio

import pytest
from askmesh_bot.frontends.discord.ending import end

pytestmark = pytest.mark.anyio


async def test_a_task_that_swallows_its_first_cancellation_ends():
    swallowed = []

    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            swallowed.append(True)
        await asyncio.sleep(60)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await end(task)
    assert task.cancelled()
    assert swallowed == [True]
