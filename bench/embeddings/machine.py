"""What a process tree uses, from /proc (Linux), and what machine this is."""

import os
import platform
import threading
from pathlib import Path
from typing import Self

_TICKS = os.sysconf("SC_CLK_TCK")


def tree(root: int) -> list[int]:
    """The process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        process = waiting.pop()
        found.append(process)
        waiting += children.get(process, [])
    return found


def cpu_seconds(root: int) -> float:
    """User and system time of the tree so far."""
    return sum(int(fields[11]) + int(fields[12]) for each in tree(root) if (fields := _stat(each))) / _TICKS


def memory_mb(root: int) -> float:
    """Proportional set size of the tree: memory shared between workers counts once."""
    return sum(_pss_kb(each) for each in tree(root)) / 1024


class PeakMemory:
    """Watches a tree while the block runs; `mb` is the most it saw, looking twice a second."""

    def __init__(self, root: int) -> None:
        self._root, self._done = root, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.mb = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.5):
            self.mb = max(self.mb, memory_mb(self._root))


def describe() -> dict[str, object]:
    """CPU, cores and load: figures of two machines, or of a busy one, do not compare."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    flags = next((line for line in lines if line.startswith("flags")), "")
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "bf16": [flag for flag in ("avx512_bf16", "amx_bf16") if flag in flags],
        "load_before": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(),
    }


def _stat(process: int) -> list[str] | None:
    """Fields of /proc/PID/stat after the name, which may hold spaces."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None


def _pss_kb(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
