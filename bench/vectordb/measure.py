"""How long things take: one client, several clients, writes."""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from bench.embeddings import machine
from bench.vectordb.contenders.base import Contender
from bench.vectordb.data import Data

CLIENTS, UPSERTS, WARM_UP = 8, 100, 20
Figures = dict[str, Any]


def percentiles(seconds: list[float]) -> Figures:
    p10, p50, p99 = 1000 * np.percentile(seconds, [10, 50, 99])
    return {"p10_ms": round(float(p10), 3), "p50_ms": round(float(p50), 3), "p99_ms": round(float(p99), 3)}


def queries(contender: Contender, data: Data, top_k: int, share: str) -> Figures:
    """One client, one query after the other: latency, the recall of the true `top_k`, and the processor time of this
    process and of the server that it started. An asynchronous store is asked from within its event loop."""
    below = None if share == "all" else data.size.kept(share)
    asked, truth = data.queries(), data.truth(share)[:, :top_k]
    search, loop = getattr(contender, "search", None), getattr(contender, "loop", None)

    async def run() -> tuple[list[float], int]:
        seconds, hits = [], 0
        for vector, best in zip(asked, truth, strict=True):
            began = time.perf_counter()
            found = await search(vector, top_k, below) if search else contender.query(vector, top_k, below)
            seconds.append(time.perf_counter() - began)
            hits += len(set(found) & set(best.tolist()))
        return seconds, hits

    for vector in asked[:WARM_UP]:
        contender.query(vector, top_k, below)
    cpu = machine.cpu_seconds(os.getpid())
    seconds, hits = asyncio.run_coroutine_threadsafe(run(), loop).result() if loop else asyncio.run(run())
    cpu = machine.cpu_seconds(os.getpid()) - cpu
    return percentiles(seconds) | {"recall": round(hits / truth.size, 4), "cpu_ms": round(1000 * cpu / len(asked), 2)}


def together(contender: Contender, data: Data, top_k: int) -> Figures:
    """Eight clients at once, each on its next query as soon as it has its answer."""
    asked = data.queries()

    def client(first: int) -> list[float]:
        seconds = []
        for vector in np.roll(asked, 37 * first, axis=0):
            began = time.perf_counter()
            contender.query(vector, top_k, None)
            seconds.append(time.perf_counter() - began)
        return seconds

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda n: contender.query(asked[n], top_k, None), range(CLIENTS)))
        began = time.perf_counter()
        times = [one for part in pool.map(client, range(CLIENTS)) for one in part]
        return percentiles(times) | {"per_s": round(len(times) / (time.perf_counter() - began), 1)}


def upserts(contender: Contender, data: Data) -> Figures:
    """One record at a time, each replaced by itself, so that the true answers stay."""
    numbers = np.random.default_rng(1).integers(0, data.size.count, UPSERTS).tolist()
    seconds = []
    for number in numbers:
        vector = data.vectors(number, 1)
        began = time.perf_counter()
        contender.write(number, vector)
        seconds.append(time.perf_counter() - began)
    return percentiles(seconds)


def repeated(call: Callable[[], object], count: int = 300) -> Figures:
    seconds = []
    for _ in range(count):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return percentiles(seconds)
