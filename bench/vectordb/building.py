"""Queries while the approximate index of the local store is built: `python -m bench.vectordb.building 100000x384 …`.

Everything is loaded before the first query, which is the hardest case: the build begins with nothing in its index. One
client asks for its ten nearest and pauses a little, again and again until the build is done. Shown are the times, and
the recall of the true ten, of all queries but the first (that one reads the vectors from the file).
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from askmesh_vectordb.stores.base import Query

from bench.embeddings.peers import CACHE
from bench.vectordb.contenders.local import Local
from bench.vectordb.data import DEEPEST, Data, Size

_PAUSE_S = 0.01


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("size", nargs="*", default=["100000x384", "100000x1024"], help="records x dimensions")
    parser.add_argument("--folder", type=Path, default=CACHE / "vectordb", help="of the data (%(default)s)")
    arguments = parser.parse_args()
    for text in arguments.size:
        data = Data(arguments.folder / text / "data", Size.parse(text))
        data.prepare()
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps({"size": text} | _run(Path(folder), data)), flush=True)


def _run(folder: Path, data: Data) -> dict[str, Any]:
    contender = Local(folder, data.size.dimension)
    contender.open()
    for first, vectors in data.batches():
        contender.write(first, vectors)
    began = time.perf_counter()
    seconds, hits = asyncio.run_coroutine_threadsafe(_asked(contender, data), contender.loop).result()
    built = time.perf_counter() - began
    contender.close()
    p50, p99, slowest = 1000 * np.percentile(seconds[1:], [50, 99, 100])
    return {
        "queries": len(seconds) - 1,
        "p50_ms": round(float(p50), 2),
        "p99_ms": round(float(p99), 2),
        "slowest_ms": round(float(slowest), 1),
        "first_ms": round(1000 * seconds[0]),
        "recall": round(hits / (DEEPEST * len(seconds)), 4),
        "build_s": round(built, 1),
        "peak_mb": _peak_mb(),
        "load_average": round(os.getloadavg()[0], 1),
    }


async def _asked(contender: Local, data: Data) -> tuple[list[float], int]:
    asked, truth = data.queries(), data.truth("all")
    file = contender.store._catalog.file("bench")
    seconds: list[float] = []
    hits = 0
    while len(seconds) < 2 or not file._builder.idle:
        number = len(seconds) % len(asked)
        began = time.perf_counter()
        found = await contender.store.query("bench", "", Query(DEEPEST, asked[number]))
        seconds.append(time.perf_counter() - began)
        hits += len({int(match.id[1:]) for match in found} & set(truth[number].tolist()))
        await asyncio.sleep(_PAUSE_S)
    return seconds, hits


def _peak_mb() -> int:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return round(int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) * 1.024 / 1000)


if __name__ == "__main__":
    main()
