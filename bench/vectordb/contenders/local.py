"""Our embedded store, in process."""

import asyncio
import threading
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import numpy as np
from askmesh_vectordb import filters
from askmesh_vectordb.stores.base import IndexInfo, Query, Record
from askmesh_vectordb.stores.local.store import LocalStore

from bench.vectordb.contenders.base import Contender

T = TypeVar("T")


class Local(Contender):
    """Asked from within its event loop, as a server's handlers do; by eight clients from threads of their own."""

    def open(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.store = LocalStore(self.folder)
        self._meanwhile: list[float] = []
        self._filters: dict[int, filters.Filter] = {}
        self._run(self.store.ensure_index(IndexInfo("bench", self.dimension, "cosine")))

    def write(self, first: int, vectors: Any) -> None:
        records = [Record(f"r{first + n}", vector, {"n": first + n}) for n, vector in enumerate(vectors)]
        self._run(self.store.upsert("bench", "", records))

    def finish(self) -> None:
        self._run(self._settled())

    def query(self, vector: Any, top_k: int, below: int | None) -> list[int]:
        return self._run(self.search(vector, top_k, below))

    async def search(self, vector: Any, top_k: int, below: int | None) -> list[int]:
        chosen = None
        if below is not None:
            chosen = self._filters.setdefault(below, filters.parse({"n": {"$lt": below}}))
        matches = await self.store.query("bench", "", Query(top_k, vector, filter=chosen))
        return [int(match.id[1:]) for match in matches]

    def close(self) -> None:
        self._run(self.store.close())
        self.loop.call_soon_threadsafe(self.loop.stop)

    async def _settled(self) -> None:
        """Until the approximate index has every row, where there is one, and its snapshot is written. Queries go on
        meanwhile; the first, which reads all vectors, is not one of those that are timed."""
        file = self.store._catalog.file("bench")
        while True:
            began = time.perf_counter()
            await self.store.query("bench", "", Query(1, np.ones(self.dimension, np.float32)))
            self._meanwhile.append(1000 * (time.perf_counter() - began))
            if file._builder.idle:
                return
            await asyncio.sleep(0.02)

    def notes(self) -> dict[str, float]:
        times = self._meanwhile[1:] or [0.0]
        return {
            "queries while building": len(times),
            "their p50, ms": round(float(np.percentile(times, 50)), 2),
            "the slowest, ms": round(max(times), 1),
        }

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()
