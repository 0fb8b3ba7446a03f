"""What the tests of moving share: a store with something in it, and what a store holds."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from askmesh_vectordb.__main__ import main
from askmesh_vectordb.stores.base import IndexInfo, Record, Store
from askmesh_vectordb.stores.local.store import LocalStore

DIMENSION = 8
Contents = dict[tuple[str, str], dict[str, tuple[bytes, dict[str, Any]]]]


def record(name: str, number: int, **metadata: object) -> Record:
    values = np.random.default_rng(number).normal(size=DIMENSION).astype(np.float32)
    return Record(name, values, {"text": f"word {number}", "n": number, "part": number / 3, "ok": True, **metadata})


async def fill(store: Store, counts: dict[str, int], index: str = "docs", fingerprint: str = "model-1") -> None:
    await store.ensure_index(IndexInfo(index, DIMENSION, "cosine", {"fingerprint": fingerprint}))
    for namespace, count in counts.items():
        records = [record(f"r{n:05}", n, tags=["a", str(n)]) for n in range(count)]
        await store.upsert(index, namespace, records) if count else await store.create_namespace(index, namespace)


async def contents(store: Store) -> Contents:
    """Every record, bit for bit."""
    found: Contents = {}
    for info in await store.list_indexes():
        for namespace in await store.count(info.name):
            records = found.setdefault((info.name, namespace), {})
            cursor: str | None = None
            while True:
                page = await store.scan(info.name, namespace, limit=500, cursor=cursor)
                records |= {item.id: (item.values.tobytes(), item.metadata) for item in page.items}  # type: ignore[union-attr]
                cursor = page.cursor
                if cursor is None:
                    break
    return found


def in_folder(folder: Path, work: Callable[[LocalStore], Coroutine[Any, Any, Any]]) -> Any:
    """Do something with the local store of a folder, and close it; on a thread, for a loop may be running here."""

    async def run() -> Any:
        store = LocalStore(folder)
        try:
            return await work(store)
        finally:
            await store.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, run()).result()


def held(folder: Path) -> Contents:
    return in_folder(folder, contents)  # type: ignore[no-any-return]


def command(*arguments: object) -> int:
    """The exit status of `askmesh-vectordb …`, run here."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code
