"""A process that writes to a store on command, so that its disk can be made to fail under it.

Commands on standard input: `write N` and `read`; the answer is `ok` or an error's code.
"""

import asyncio
import sys
from pathlib import Path

import numpy as np
from askmesh_vectordb.stores.base import IndexInfo, Query, Record, StoreError
from askmesh_vectordb.stores.local.store import LocalStore

VECTOR = np.array([1, 2, 3, 4], dtype=np.float32)


async def obey(store: LocalStore, command: str, number: str) -> str:
    try:
        if command == "write":
            records = [Record(f"{number}-{n}", VECTOR, {"n": int(number), "text": "words " * 50}) for n in range(5)]
            await store.upsert("docs", "", records)
            return "ok"
        return f"ok {len(await store.query('docs', '', Query(10_000, VECTOR)))}"
    except StoreError as error:
        return f"{error.status} {error.code}"


async def main(folder: Path) -> None:
    store = LocalStore(folder)
    await store.ensure_index(IndexInfo("docs", 4, "cosine"))
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        command, _, number = line.strip().partition(" ")
        print(await obey(store, command, number), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
