"""A process that starts writers on demand: imports are paid once, each writer is a fork.

Commands on standard input: `start FOLDER PREFIX`, `reap`. A writer says `PREFIX PID ready`, then `PREFIX PID N` for
each step that was acknowledged; after `reap`, when every writer is dead, comes `reaped`.
"""

import asyncio
import os
import sys
from pathlib import Path

import numpy as np
from askmesh_vectordb.stores.base import IndexInfo, Query, Record, Selection
from askmesh_vectordb.stores.local.store import LocalStore

EXACT_LIMIT = 100


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


async def write(folder: Path, prefix: str) -> None:
    store = LocalStore(folder, exact_limit=EXACT_LIMIT)
    await store.ensure_index(IndexInfo("docs", 4, "cosine"))
    say(f"{prefix} {os.getpid()} ready")
    for n in range(100_000):
        values = np.array([1, n, 0.5, 2], dtype=np.float32)
        batch = [Record(f"{prefix}-{n}-{part}", values, {"n": n, "text": f"{prefix} words"}) for part in range(3)]
        await store.upsert("docs", "", batch)
        if n % 5 == 4:
            await store.delete("docs", "", Selection(ids=[f"{prefix}-{n - 2}-0"]))
        say(f"{prefix} {os.getpid()} {n}")
        if n % 10 == 9:
            # Something for the approximate index to do.
            await store.query("docs", "", Query(1, values))


def main() -> None:
    writers: list[int] = []
    for line in sys.stdin:
        command, *arguments = line.rstrip("\n").split("\t")
        if command == "reap":
            while writers:
                os.waitpid(writers.pop(), 0)
            say("reaped")
        elif (pid := os.fork()) == 0:
            asyncio.run(write(Path(arguments[0]), arguments[1]))
        else:
            writers.append(pid)


if __name__ == "__main__":
    main()
