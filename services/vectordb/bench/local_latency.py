"""How long a query of the embedded store takes, in process and over HTTP: `python local_latency.py 10000 50000`."""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import httpx2
import numpy as np
from askmesh_vectordb import filters
from askmesh_vectordb.stores.base import IndexInfo, Query, Record
from askmesh_vectordb.stores.local.store import LocalStore

DIMENSION, ROUNDS = 384, 100


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def timed(call: Callable[[], Awaitable[object]]) -> str:
    for _ in range(5):
        await call()
    times = []
    cpu = time.process_time()
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await call()
        times.append(1000 * (time.perf_counter() - began))
    # The processor's own time says what an idle machine would take, where this one is busy with other work.
    cpu = 1000 * (time.process_time() - cpu) / ROUNDS
    return f"{np.percentile(times, 50):7.2f} / {np.percentile(times, 99):7.2f}   {cpu:7.2f}"


async def main(count: int) -> None:
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        store = LocalStore(Path(folder))
        await store.ensure_index(IndexInfo("docs", DIMENSION, "cosine"))
        # A Zipf distribution, as in real text: a few words are nearly everywhere.
        words = ["".join(rng.choice(list("abcdefghijklmnop"), 7)) for _ in range(20_000)]
        weights = 1 / np.arange(1, len(words) + 1)
        weights /= weights.sum()
        question = " ".join(words[n] for n in (0, 3, 20, 100, 400, 1000, 5000))
        loading = 0.0
        for start in range(0, count, 1000):
            vectors = rng.normal(size=(1000, DIMENSION)).astype(np.float32)
            drawn = rng.choice(len(words), size=(1000, 40), p=weights)
            texts = [" ".join(words[n] for n in row) for row in drawn]
            batch = [
                Record(f"r{start + n}", vectors[n], {"n": start + n, "text": texts[n], "header": "a heading"})
                for n in range(1000)
            ]
            began = time.perf_counter()
            await store.upsert("docs", "", batch)
            loading += time.perf_counter() - began
        say(f"{count} x {DIMENSION}: loaded at {count / loading:.0f} records/s; p50 / p99 in ms, CPU ms here")
        vector = rng.normal(size=DIMENSION).astype(np.float32)
        began = time.perf_counter()
        await store.query("docs", "", Query(3, vector))
        say(f"  first query (fills the cache) {1000 * (time.perf_counter() - began):.0f} ms")
        one = filters.parse({"n": {"$lt": count // 100}})
        record = Record("fresh", vector, {"text": "fresh words", "n": 1})

        async def upsert_and_query() -> None:
            await store.upsert("docs", "", [record])
            await store.query("docs", "", Query(3, vector))

        for what, call in {
            "top 3": lambda: store.query("docs", "", Query(3, vector)),
            "top 10, 1 % filter": lambda: store.query("docs", "", Query(10, vector, filter=one)),
            "text, 7 words": lambda: store.search_text("docs", "", question, top_k=10),
            "upsert of one, then top 3": upsert_and_query,
        }.items():
            say(f"  {what:28s} {await timed(call)}")
        await store.close()
        await over_http(Path(folder), vector, question)


async def over_http(folder: Path, vector: "np.typing.NDArray[np.float32]", question: str) -> None:
    environment = os.environ | {"ASKMESH_VECTORDB_DATA_PATH": str(folder), "ASKMESH_VECTORDB_PORT": "18492"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "askmesh_vectordb",
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with httpx2.AsyncClient(base_url="http://127.0.0.1:18492") as client:
            while True:
                try:
                    await client.get("/readyz")
                    break
                except httpx2.TransportError:
                    await asyncio.sleep(0.1)
            query = {"topK": 3, "vector": vector.tolist(), "includeMetadata": True}
            search = {"topK": 10, "vector": vector.tolist(), "text": question}
            say(f"  HTTP /livez                  {await timed(lambda: client.get('/livez'))}")
            say(f"  HTTP /query, top 3           {await timed(lambda: client.post('/indexes/docs/query', json=query))}")
            say(
                f"  HTTP /search, both, top 10   {await timed(lambda: client.post('/indexes/docs/search', json=search))}"
            )
    finally:
        process.terminate()
        await process.wait()


if __name__ == "__main__":
    for number in sys.argv[1:] or ["10000", "50000"]:
        asyncio.run(main(int(number)))
