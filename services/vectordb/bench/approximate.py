"""The embedded store above its exact limit: build, recall, latency, memory, cold start: `python approximate.py 100000 384`.

Vectors are drawn around centres, as embeddings of real text lie; recall is against an exact scan in float32.
"""

import asyncio
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from askmesh_vectordb import filters
from askmesh_vectordb.filters import Filter
from askmesh_vectordb.stores.base import IndexInfo, Query, Record
from askmesh_vectordb.stores.local.store import LocalStore
from numpy.typing import NDArray

ROUNDS = 300
Vectors = NDArray[np.float32]


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def draw(count: int, dimension: int) -> tuple[Vectors, Vectors]:
    """Vectors and queries."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(max(20, count // 150), dimension)).astype(np.float32)
    spread = rng.normal(size=(count, dimension)).astype(np.float32)
    vectors = centres[rng.integers(0, len(centres), count)] + np.float32(0.7) * spread
    noise = rng.normal(size=(ROUNDS, dimension)).astype(np.float32)
    return vectors, vectors[rng.integers(0, count, ROUNDS)] + np.float32(0.3) * noise


async def load(store: LocalStore, vectors: Vectors) -> None:
    began = time.perf_counter()
    for start in range(0, len(vectors), 1000):
        part = range(start, min(start + 1000, len(vectors)))
        await store.upsert("docs", "", [Record(f"r{n}", vectors[n], {"n": n}) for n in part])
    say(f"  load                    {len(vectors) / (time.perf_counter() - began):8.0f} records/s")


async def wait(store: LocalStore, queries: Vectors) -> list[float]:
    """Query until the approximate index is there; how long each query took, in ms."""
    builder, times = store._catalog.file("docs")._builder, []
    while not (builder._ready and builder._thread is None):
        began = time.perf_counter()
        await store.query("docs", "", Query(3, queries[len(times) % ROUNDS], include_metadata=False))
        times.append(1000 * (time.perf_counter() - began))
        await asyncio.sleep(0.005)
    return times


async def measure(store: LocalStore, vectors: Vectors, queries: Vectors, top_k: int, share: float) -> str:
    few = int(share * len(vectors))
    chosen: Filter | None = None if share == 1 else filters.parse({"n": {"$lt": few}})
    unit = vectors[:few] / np.linalg.norm(vectors[:few], axis=1, keepdims=True)
    times, hits = [], 0
    for query in queries:
        began = time.perf_counter()
        matches = await store.query("docs", "", Query(top_k, query, filter=chosen, include_metadata=False))
        times.append(1000 * (time.perf_counter() - began))
        best = np.argpartition(-(unit @ query), top_k)[:top_k]
        hits += len(set(best.tolist()) & {int(match.id[1:]) for match in matches})
    p50, p99 = np.percentile(times, [50, 99])
    return f"{p50:7.2f} / {p99:7.2f} ms   recall {hits / (top_k * len(queries)):.4f}"


async def main(count: int, dimension: int) -> None:
    vectors, queries = draw(count, dimension)
    say(f"{count} x {dimension}")
    with tempfile.TemporaryDirectory() as folder:
        store = LocalStore(Path(folder))
        await store.ensure_index(IndexInfo("docs", dimension, "cosine"))
        await load(store, vectors)
        began = time.perf_counter()
        await store.query("docs", "", Query(3, queries[0]))
        times = await wait(store, queries)
        say(
            f"  build                   {time.perf_counter() - began:8.1f} s, slowest query meanwhile {max(times):.0f} ms"
        )
        for top_k, share in ((3, 1.0), (10, 1.0), (10, 0.2), (10, 0.01)):
            what = f"top {top_k}" + ("" if share == 1 else f", filter {share:.0%}")
            say(f"  {what:20s} {await measure(store, vectors, queries, top_k, share)}")
        await store.close()
        store = LocalStore(Path(folder))
        began = time.perf_counter()
        await store.query("docs", "", Query(3, queries[0]))
        first = time.perf_counter() - began
        await wait(store, queries)
        say(
            f"  after a start           {first:8.2f} s to the first answer, {time.perf_counter() - began:.2f} s to the index"
        )
        await store.close()
        serve = await asyncio.create_subprocess_exec(sys.executable, __file__, folder, str(dimension))
        await serve.wait()
        disk = sum(entry.stat().st_size for entry in os.scandir(folder)) / 1e6
    say(f"  disk {disk:.0f} MB")


async def serve(folder: Path, dimension: int) -> None:
    """A process of its own that starts on the files, searches and writes: what memory it takes."""
    _, queries = draw(ROUNDS, dimension)
    store = LocalStore(folder)
    await store.query("docs", "", Query(3, queries[0]))
    await wait(store, queries)
    for n, query in enumerate(queries):
        await store.upsert("docs", "", [Record(f"x{n}", query)])
        await store.query("docs", "", Query(10, query))
    await store.close()
    say(f"  peak memory of a process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")


if __name__ == "__main__":
    first, dimension = sys.argv[1], int(sys.argv[2])
    asyncio.run(main(int(first), dimension) if first.isdigit() else serve(Path(first), dimension))
