"""Clients that leave at any moment, many times over: nothing of them stays behind.

A few hundred requests by default; `ASKMESH_LONG_TESTS=1` for the ten thousand of the long run.
"""

import asyncio
import contextlib
import gc
import os
import random
import socket
from pathlib import Path

import httpx2
import pytest
import uvicorn
from askmesh_embeddings.app import create_app

pytestmark = pytest.mark.anyio

REQUESTS = 10_000 if os.environ.get("ASKMESH_LONG_TESTS") == "1" else 200
AT_ONCE = 40


def resident_mb():
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


async def settle(condition, seconds=30):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def in_this_loop(settings):
    """The service in the test's own event loop, so that its tasks can be counted."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(settings), log_config=None))
    serving = asyncio.create_task(server.serve([sock]))
    await settle(lambda: server.started)
    yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    server.should_exit = True
    await serving
    sock.close()


async def depart_at_random(url, count, dice):
    """`count` requests; about half are dropped at a random moment. Returns how many were answered."""
    free = asyncio.Semaphore(AT_ONCE)
    answered = 0

    async def one(number):
        nonlocal answered
        texts = [
            f"request {number} text {place} " + "word " * dice.randrange(20) for place in range(dice.randint(1, 12))
        ]
        stay = dice.random() < 0.5
        # A connection each: dropping the request then is what a client that dies looks like.
        async with free, httpx2.AsyncClient(base_url=url, timeout=60) as client:
            asking = asyncio.create_task(client.post("/v1/embeddings", json={"input": texts}))
            await asyncio.wait({asking}, timeout=None if stay else dice.random() * 0.05)
            if asking.done():
                assert (await asking).status_code == 200
                answered += 1
                return
            asking.cancel()
            await asyncio.wait({asking})

    await asyncio.gather(*(one(number) for number in range(count)))
    return answered


@pytest.mark.timeout(3600)
async def test_departures_leave_no_task_no_queue_and_no_memory_behind(make_settings):
    dice = random.Random(3)
    encoder = "minilm" if REQUESTS >= 5_000 else "own_encoders:HashEncoder"
    async with in_this_loop(make_settings(encoder=encoder, lanes=2, cache_entries=64)) as url:
        async with httpx2.AsyncClient(base_url=url, timeout=60) as client:
            while (await client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)
        tasks = len(asyncio.all_tasks())
        await depart_at_random(url, REQUESTS // 4, dice)
        await settle(lambda: len(asyncio.all_tasks()) <= tasks)
        before = resident_mb()
        answered = await depart_at_random(url, REQUESTS, dice)
        assert 0.2 * REQUESTS < answered < REQUESTS
        await settle(lambda: len(asyncio.all_tasks()) <= tasks)
        grown = resident_mb() - before
        async with httpx2.AsyncClient(base_url=url, timeout=60) as client:
            metrics = (await client.get("/metrics")).text.splitlines()
        depths = [line for line in metrics if line.startswith("askmesh_embeddings_queue")]
        assert len(depths) == 4
        assert all(line.endswith(" 0.0") for line in depths)
        # Shown by pytest -s.
        print(f"{REQUESTS} requests, {answered} answered, {tasks} tasks before and after, memory {grown:+.1f} MB")  # noqa: T201
        assert grown < 20
