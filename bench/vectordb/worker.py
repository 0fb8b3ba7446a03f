"""One contender in a process of its own: `python -m bench.vectordb.worker load|measure CONTENDER SIZE FOLDER` prints
JSON. A load is skipped where it is done."""

import json
import os
import shutil
import sys
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from bench.embeddings import machine
from bench.vectordb import measure
from bench.vectordb.contenders import CONTENDERS, load
from bench.vectordb.contenders.base import Contender
from bench.vectordb.data import Data, Size


def main() -> None:
    stage, name, text, folder = sys.argv[1:]
    size = Size.parse(text)
    data = Data(Path(folder) / "data", size)
    kind = load(name)
    own = Path(folder) / (CONTENDERS[name].data_of or name).replace(" ", "-")
    figures = _load(kind, own, data) if stage == "load" else _measure(kind, own, data)
    print(json.dumps(figures))


def _load(kind: type[Contender], folder: Path, data: Data) -> measure.Figures:
    done = folder / "loaded.json"
    if done.exists():
        found: measure.Figures = json.loads(done.read_text())
        return found
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    contender = kind(folder, data.size.dimension)
    contender.open()
    before, began = _cpu(), time.perf_counter()
    for first, vectors in data.batches():
        contender.write(first, vectors)
    written = time.perf_counter() - began
    contender.finish()
    seconds, cpu = time.perf_counter() - began, _cpu() - before
    figures = {
        "write_per_s": round(data.size.count / written),
        "load_per_s": round(data.size.count / seconds),
        "load_cpu_s": round(cpu, 1),
        "load_peak_mb": _peak_mb(contender),
        "notes": contender.notes(),
    }
    contender.close()
    done.write_text(json.dumps(figures))
    return figures


def _measure(kind: type[Contender], folder: Path, data: Data) -> measure.Figures:
    contender = kind(folder, data.size.dimension)
    first = data.queries()[0]
    began = time.perf_counter()
    contender.open()
    contender.query(first, 3, None)
    figures: measure.Figures = {"cold_open_ms": round(1000 * (time.perf_counter() - began))}
    for share, top_k in (("all", 3), ("all", 10), ("20 %", 10), ("1 %", 10)):
        figures[f"{share}, k={top_k}"] = measure.queries(contender, data, top_k, share)
    if hasattr(contender, "search"):
        asked = iter(data.queries())
        figures["from another thread, k=3"] = measure.repeated(lambda: contender.query(next(asked), 3, None))
    if hasattr(contender, "floor"):
        figures["GET /livez"] = measure.repeated(contender.floor)
    figures["8 clients, k=3"] = measure.together(contender, data, 3)
    figures["upsert"] = measure.upserts(contender, data)
    contender.query(first, 3, None)
    figures["peak_mb"] = _peak_mb(contender)
    contender.close()
    figures["disk_mb"] = round(sum(file.stat().st_size for file in _files(contender.disk())) / 1e6)
    return figures


def _files(folder: Path) -> list[Path]:
    """What the contender wrote, but for its log."""
    return [file for file in folder.rglob("*") if file.is_file() and file.suffix != ".log"]


def _cpu() -> float:
    """Of this process, which encodes what is sent, and of the server that it started."""
    return machine.cpu_seconds(os.getpid())


def _peak_mb(contender: Contender) -> int:
    """The most that the process had in memory; of several processes, what they have now, shared pages counted once."""
    process = contender.process()
    if len(machine.tree(process)) > 1 and process != os.getpid():
        return round(machine.memory_mb(process) * 1.048576)
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return round(int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) * 1.024 / 1000)


if __name__ == "__main__":
    main()
