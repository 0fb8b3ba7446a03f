"""`python -m bench.embeddings [--seconds 6] [--only minilm|bulk|large]`, from the repository's root, in its environment."""

import argparse
import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from askmesh_embeddings.encoders.minilm import locate_package

from bench.embeddings import large, machine, report
from bench.embeddings.load import Load, closed_loop, ingest
from bench.embeddings.peers import Peer, Unavailable, gunicorn_workers, infinity, ours, running
from bench.embeddings.texts import PASSAGE, QUERY, texts

CLIENTS = (1, 5, 50)
RESULTS = Path(__file__).parent.parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6, help="of each measurement (%(default)s)")
    parser.add_argument("--only", choices=["minilm", "bulk", "large"], action="append", help="a part (default: all)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results (%(default)s)")
    arguments = parser.parse_args()
    parts = arguments.only or ["minilm", "bulk", "large"]
    result: dict[str, Any] = {"machine": machine.describe(), "seconds": arguments.seconds, "servers": {}, "skipped": {}}
    if "minilm" in parts:
        for make in (_default, _onnxruntime, _gunicorn, _infinity):
            _measure_server(make, arguments.seconds, result)
    if "bulk" in parts:
        result["bulk"] = _bulk()
    if "large" in parts:
        folder = str(large.folder())
        result["large"] = {case: _in_process(case, folder) for case in ("large fp32", "large bf16")}
    path = report.write(arguments.out, "-".join(parts) if arguments.only else "all", result)
    print(path.read_text(encoding="utf-8"))


def _default() -> Peer:
    return ours("askmesh, default")


def _onnxruntime() -> Peer:
    return ours("askmesh, onnxruntime fp32", runtime="onnxruntime")


def _gunicorn() -> Peer:
    return gunicorn_workers(locate_package())


def _infinity() -> Peer:
    return infinity(locate_package())


def _measure_server(make: Any, seconds: float, result: dict[str, Any]) -> None:
    try:
        peer = make()
        print(f"{peer.name} …", flush=True)
        with running(peer) as (port, process), machine.PeakMemory(process) as memory:
            rows = {
                kind: {str(count): _cell(port, process, peer.path, words, count, seconds) for count in CLIENTS}
                for kind, words in (("query", QUERY), ("passage", PASSAGE))
            }
        result["servers"][peer.name] = {"loads": rows, "peak_memory_mb": round(memory.mb)}
    except Unavailable as reason:
        result["skipped"][make.__name__.strip("_")] = str(reason)


def _cell(port: int, process: int, path: str, words: int, clients: int, seconds: float) -> dict[str, float]:
    asyncio.run(closed_loop(port, path, texts(words, seed=1), clients=clients, seconds=1))
    before = machine.cpu_seconds(process)
    load = asyncio.run(closed_loop(port, path, texts(words, seed=2), clients=clients, seconds=seconds))
    cpu = machine.cpu_seconds(process) - before
    return _figures(load) | {"cpu_ms": round(1000 * cpu / len(load.latencies), 2)}


def _figures(load: Load) -> dict[str, float]:
    shares = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
    percentiles = {name: round(load.percentile_ms(share), 1) for name, share in shares.items()}
    return {"requests": len(load.latencies), "per_s": round(load.rate, 1)} | percentiles


def _bulk() -> dict[str, Any]:
    """A 1,000-passage ingest through the service, the in-process limits, and a query's latency meanwhile."""
    cases = [
        "sentence-transformers fp32",
        "sentence-transformers bf16",
        "our encoder, 1 thread",
        "our encoder, 2 threads",
    ]
    limits = {case: _in_process(case) for case in cases}
    peer = ours("askmesh, default")
    with running(peer) as (port, process):
        passages = texts(PASSAGE, seed=4)
        asyncio.run(ingest(port, peer.path, passages, count=64, per_request=32))
        before = machine.cpu_seconds(process)
        alone = asyncio.run(ingest(port, peer.path, passages, count=960, per_request=64))
        cpu = machine.cpu_seconds(process) - before
        idle = asyncio.run(closed_loop(port, peer.path, texts(QUERY, 5), clients=1, seconds=8, pause=0.03))
        busy = asyncio.run(_while_ingesting(port, peer.path))
    return {
        "in_process": limits,
        "service": {"passages_per_s": round(960 / alone, 2), "cpu_ms": round(1000 * cpu / 960, 2)},
        "query_idle": _figures(idle),
        "query_during_ingest": _figures(busy),
    }


async def _while_ingesting(port: int, path: str) -> Load:
    """Queries by one client from the beginning to the end of a 1,000-passage ingest."""
    work = asyncio.create_task(ingest(port, path, texts(PASSAGE, 6), count=1_000, per_request=100, clients=2))
    queries = texts(QUERY, 7)
    await asyncio.sleep(0.5)
    latencies: list[float] = []
    seconds = 0.0
    while not work.done():
        part = await closed_loop(port, path, queries, clients=1, seconds=1, pause=0.03)
        latencies += part.latencies
        seconds += part.seconds
    await work
    return Load(latencies, seconds)


def _in_process(case: str, *arguments: str) -> dict[str, Any]:
    print(f"{case} …", flush=True)
    command = [sys.executable, "-m", "bench.embeddings.in_process", case, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=RESULTS.parent.parent)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


if __name__ == "__main__":
    main()
