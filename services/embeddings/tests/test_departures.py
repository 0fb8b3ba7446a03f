"""Clients that leave at any moment, many times over: nothing of them stays behind.

A few hundred requests by default; `ASKMESH_LONG_TESTS=1` for the ten thousand of the long run.
"""

import asyncio
import contextlib
import gc
import os
import socket
import sys
from pathlib import Path

import httpx2
import pytest
import uvicorn
from askmesh_embeddings.app import create_app

pytestmark = pytest.mark.anyio

REQUESTS = 10_000 if os.environ.get("ASKMESH_LONG_TESTS") == "1" else 200


def resident_mb():
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


async def settle(condition, seconds=100):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def in_this_loop(settings):
    """The service in the test's own event loop, so that its tasks can be counted."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(settings), log_config=None, timeout_keep_alive=100))
    serving = asyncio.create_task(server.serve([sock]))
    await settle(lambda: server.started)
    yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    server.should_exit = True
    await serving
    sock.close()


async def depart_at_random(url, count, seed):
    """`count` requests, half of them dropped, from a process whose memory is not counted. Returns how many were answered."""
    script = Path(__file__).parent / "departing_clients.py"
    clients = await asyncio.create_subprocess_exec(
        sys.executable, str(script), url, str(count), str(seed), stdout=asyncio.subprocess.PIPE
    )
    written, _ = await clients.communicate()
    assert clients.returncode == 0
    return int(written)


@pytest.mark.timeout(3600)
async def test_departures_leave_no_task_no_queue_and_no_memory_behind(make_settings):
    encoder = "minilm" if REQUESTS >= 5_000 else "own_encoders:HashEncoder"
    async with in_this_loop(make_settings(encoder=encoder, lanes=2, cache_entries=64)) as url:
        async with httpx2.AsyncClient(base_url=url, timeout=60) as client:
            while (await client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)
        tasks = len(asyncio.all_tasks())
        await depart_at_random(url, REQUESTS // 4, seed=3)
        await settle(lambda: len(asyncio.all_tasks()) <= tasks)
        before = resident_mb()
        answered = await depart_at_random(url, REQUESTS, seed=4)
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
