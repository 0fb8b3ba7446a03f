"""Chroma's server: a collection that stands for the index, and one for each of its namespaces.

Names of namespaces do not fit into names of collections, so those carry a digest, of the index's own key too: what a
dropped index left behind is not found by its successor.
"""

import asyncio
import base64
import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from askmesh_vectordb.filters import Filter
from askmesh_vectordb.stores.base import Capabilities, IndexInfo, IndexNotFound, Match, Metric, Record, Vector
from askmesh_vectordb.stores.chroma import conditions
from askmesh_vectordb.stores.chroma.api import ChromaApi, Exists, Missing
from askmesh_vectordb.stores.engine import shapes
from askmesh_vectordb.stores.engine.base import VectorEngine
from askmesh_vectordb.stores.engine.nearest import score

T = TypeVar("T")
_SPACES: dict[Metric, str] = {"cosine": "cosine", "dotproduct": "ip", "euclidean": "l2"}
_PREFIX = "askmesh."
_AT_ONCE = 8
"""Counts asked for at the same time."""
_FEW = 5000
"""Records that are scored here where Chroma's graph found fewer than it was asked for."""


class ChromaEngine(VectorEngine):
    capabilities = Capabilities(
        store="chroma",
        durable_writes=True,
        read_your_writes=True,
        atomic_requests=False,
        lexical="companion",
        search="native",
    )

    def __init__(self, api: ChromaApi) -> None:
        super().__init__()
        self._api = api
        # Index -> its collection's key; index and namespace -> the key of the namespace's.
        self._heads: dict[str, str] = {}
        self._keys: dict[tuple[str, str], str] = {}

    def forget(self, index: str) -> None:
        super().forget(index)
        self._heads.pop(index, None)
        for known in [known for known in self._keys if known[0] == index]:
            del self._keys[known]

    async def create(self, info: IndexInfo) -> bool:
        try:
            await self._api.create(_PREFIX + info.name, _SPACES[info.metric], _kept(info))
        except Exists:
            return False
        return True

    async def describe(self, index: str) -> IndexInfo:
        try:
            head = await self._api.collection(_PREFIX + index)
            kept = json.loads(head["metadata"]["askmesh"])
        except (Missing, TypeError, KeyError) as error:
            # Or somebody else's, under a name like ours.
            self.forget(index)
            raise IndexNotFound(index) from error
        if self._heads.get(index) != head["id"]:
            self.forget(index)
            self._heads[index] = head["id"]
        return IndexInfo(index, **kept)

    async def names(self) -> list[str]:
        names = [item["name"] for item in await self._api.collections() if item["name"].startswith(_PREFIX)]
        return [name.removeprefix(_PREFIX) for name in names if name.count(".") == 1]

    async def save(self, info: IndexInfo) -> None:
        await self.describe(info.name)
        await self._api.configure(self._heads[info.name], _kept(info))

    async def drop(self, index: str) -> None:
        await self.describe(index)
        for item in (await self._collections(index)).values():
            await self._or_missing(self._api.drop(item["name"]), None)
        await self._or_missing(self._api.drop(_PREFIX + index), None)
        self.forget(index)

    async def write(self, index: str, namespace: str, records: Sequence[Record]) -> None:
        for batch in shapes.batches(records, await self._api.most_records()):
            await self._write(index, namespace, batch)

    async def remove(self, index: str, namespace: str, ids: Sequence[str]) -> None:
        async def delete(key: str) -> None:
            most = await self._api.most_records()
            for start in range(0, len(ids), most):
                await self._api.delete(key, ids[start : start + most])

        await self._on(index, namespace, delete, None)

    async def clear(self, index: str, namespace: str) -> None:
        await self.remove(index, namespace, await self.ids(index, namespace, None))

    async def nearest(
        self,
        index: str,
        namespace: str,
        vector: Vector,
        limit: int,
        chosen: Filter | None,
        *,
        metadata: bool,
    ) -> list[Match]:
        metric = (await self.known(index)).metric
        where = conditions.where(chosen)

        async def query(key: str) -> list[Match]:
            ids, distances, kept = await self._api.query(key, vector.tolist(), limit, where, metadatas=metadata)
            found = [
                Match(name, _similarity(metric, distance), None, item and shapes.metadata_of(item))
                for name, distance, item in zip(ids, distances, kept, strict=True)
            ]
            if len(found) < limit:
                # The graph need not lead to all there are, least with a filter or where many are equal.
                return await self._read_few(key, metric, vector, where, known=len(found)) or found
            return found

        return await self._on(index, namespace, query, [])

    async def read(self, index: str, namespace: str, ids: Sequence[str]) -> dict[str, Record]:
        async def get(key: str) -> dict[str, Record]:
            found = await self._api.get(key, ids=ids, metadatas=True) if ids else {"ids": [], "metadatas": []}
            pairs = zip(found["ids"], found["metadatas"], strict=True)
            return {name: shapes.unpacked(name, kept) for name, kept in pairs}

        return await self._on(index, namespace, get, {})

    async def ids(self, index: str, namespace: str, chosen: Filter | None) -> list[str]:
        async def get(key: str) -> list[str]:
            ids: list[str] = (await self._api.get(key, where=conditions.where(chosen), metadatas=False))["ids"]
            return ids

        return await self._on(index, namespace, get, [])

    async def counts(self, index: str, chosen: Filter | None) -> dict[str, int]:
        await self.describe(index)
        places = await self._collections(index)
        free = asyncio.Semaphore(_AT_ONCE)

        async def count(key: str, namespace: str) -> int:
            async with free:
                if chosen is None:
                    return await self._or_missing(self._api.count(key), 0)
                return len(await self.ids(index, namespace, chosen))

        numbers = await asyncio.gather(*(count(item["id"], namespace) for namespace, item in places.items()))
        return dict(zip(places, numbers, strict=True))

    def exact(self, index: str, chosen: Filter) -> bool:
        return conditions.exact(chosen)

    async def create_namespace(self, index: str, namespace: str) -> bool:
        info = await self.describe(index)
        try:
            await self._create(info, namespace, or_get=False)
        except Exists:
            return False
        return True

    async def drop_namespace(self, index: str, namespace: str) -> None:
        await self.describe(index)
        self._keys.pop((index, namespace), None)
        await self._or_missing(self._api.drop(self._name(index, namespace)), None)

    async def check(self) -> None:
        await self._api.check()

    async def close(self) -> None:
        await self._api.close()

    async def _write(self, index: str, namespace: str, batch: Sequence[Record]) -> None:
        ids = [record.id for record in batch]
        embeddings = [_base64(record.values) for record in batch]
        metadatas = [shapes.packed(record) | conditions.number_fields(record.metadata) for record in batch]
        await self._on(
            index, namespace, lambda key: self._api.upsert(key, ids, embeddings, metadatas), None, create=True
        )

    async def _on(
        self,
        index: str,
        namespace: str,
        work: Callable[[str], Awaitable[T]],
        nothing: T,
        *,
        create: bool = False,
    ) -> T:
        """What `work` gives with the key of a namespace's collection; `nothing` where there is none."""
        for _ in range(2):
            remembered = (index, namespace) in self._keys
            try:
                return await work(await self._key(index, namespace, create=create))
            except Missing:
                # Dropped by another process, and perhaps made anew.
                self.forget(index)
                if not remembered:
                    break
        await self.describe(index)
        return nothing

    async def _key(self, index: str, namespace: str, *, create: bool) -> str:
        if (index, namespace) not in self._keys:
            info = await self.describe(index)
            if create:
                await self._create(info, namespace, or_get=True)
            else:
                found = await self._api.collection(self._name(index, namespace))
                self._keys[index, namespace] = found["id"]
        return self._keys[index, namespace]

    async def _create(self, info: IndexInfo, namespace: str, *, or_get: bool) -> None:
        name = self._name(info.name, namespace)
        made = await self._api.create(name, _SPACES[info.metric], {"namespace": namespace}, or_get=or_get)
        self._keys[info.name, namespace] = made["id"]

    async def _collections(self, index: str) -> dict[str, dict[str, Any]]:
        """The collections of an index that was described just now, by namespace."""
        listed = await self._api.collections()
        named = {item["name"]: item for item in listed if item["name"].startswith(f"{_PREFIX}{index}.")}
        return {
            item["metadata"]["namespace"]: item
            for name, item in named.items()
            if item["metadata"] and name == self._name(index, item["metadata"].get("namespace", ""))
        }

    def _name(self, index: str, namespace: str) -> str:
        digest = hashlib.sha256(f"{self._heads[index]}\0{namespace}".encode()).hexdigest()
        return f"{_PREFIX}{index}.{digest[:32]}"

    async def _read_few(
        self, key: str, metric: Metric, vector: Vector, where: conditions.Where | None, known: int
    ) -> list[Match]:
        """All that there are, scored here; nothing where they are many, or no more than are known."""
        ids = (await self._api.get(key, where=where, metadatas=False))["ids"] if where else []
        there = len(ids) if where else await self._api.count(key)
        if there == known or there > _FEW:
            return []
        found = await self._api.get(key, where=where, metadatas=True)
        matches = [
            Match(name, score(metric, vector, shapes.values_of(kept)), None, shapes.metadata_of(kept))
            for name, kept in zip(found["ids"], found["metadatas"], strict=True)
        ]
        return sorted(matches, key=lambda match: (-match.score, match.id))

    @staticmethod
    async def _or_missing(work: Awaitable[T], otherwise: T) -> T:
        try:
            return await work
        except Missing:
            return otherwise


def _kept(info: IndexInfo) -> dict[str, str]:
    kept = {
        "dimension": info.dimension,
        "metric": info.metric,
        "tags": dict(info.tags),
        "deletion_protection": info.deletion_protection,
    }
    return {"askmesh": json.dumps(kept)}


def _base64(values: Vector | None) -> str:
    assert values is not None
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


def _similarity(metric: Metric, distance: float) -> float:
    return -distance if metric == "euclidean" else 1.0 - distance
