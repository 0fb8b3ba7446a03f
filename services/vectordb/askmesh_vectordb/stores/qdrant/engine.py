"""Qdrant behind its official client: a collection for each index, namespaces as a field of the payload.

A point's id is a UUID of namespace and id. Tags and protection are in the collection's metadata. A namespace that was
created is a marker point, which is in no namespace and so in no answer.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid5

from askmesh_kit import context
from qdrant_client import AsyncQdrantClient, models

from askmesh_vectordb.filters import Filter
from askmesh_vectordb.stores.base import (
    Capabilities,
    IndexInfo,
    IndexNotFound,
    Match,
    Metric,
    Record,
    StoreRefused,
    Vector,
)
from askmesh_vectordb.stores.engine import shapes
from askmesh_vectordb.stores.engine.base import VectorEngine
from askmesh_vectordb.stores.qdrant import conditions
from askmesh_vectordb.stores.qdrant.errors import Exists, translated

_IDS = UUID("6a5f3c0e-7d0b-4c57-9a57-0d6c9b0f6f1b")
_METADATA = "askmesh"
"""The key of the collection's metadata that is ours."""
_BATCH = 1000
_PAGE = 10_000
"""Ids asked for at a time."""
_MOST_NAMESPACES = 100_000

_DISTANCES: dict[Metric, models.Distance] = {
    "cosine": models.Distance.COSINE,
    "dotproduct": models.Distance.DOT,
    "euclidean": models.Distance.EUCLID,
}
_METRICS: dict[models.Distance, Metric] = {distance: metric for metric, distance in _DISTANCES.items()}


class QdrantEngine(VectorEngine):
    """`prefix` begins the names of the collections that are this service's. `server` is false for the client's own
    engine, which has no payload indexes."""

    capabilities = Capabilities(
        store="qdrant",
        # Acknowledged before the log is synced to the disk: a kill loses nothing, a loss of power may.
        durable_writes=False,
        read_your_writes=True,
        atomic_requests=False,
        lexical="companion",
        search="native",
    )

    def __init__(self, client: AsyncQdrantClient, *, prefix: str, timeout_s: float, server: bool) -> None:
        super().__init__()
        self._client, self._prefix, self._timeout_s, self._server = client, prefix, timeout_s, server
        # Indexes that Qdrant's strict mode allows no ranges on, for it wants every field of a filter indexed.
        self._strict: set[str] = set()

    async def create(self, info: IndexInfo) -> bool:
        name = self._prefix + info.name
        vectors = models.VectorParams(size=info.dimension, distance=_DISTANCES[info.metric])
        try:
            async with self._calling(info.name, writes=True):
                await self._client.create_collection(name, vectors_config=vectors, metadata=_kept(info))
        except Exists:
            return False
        await self._check_kept(info)
        if self._server:
            await self._index_payload(info.name)
        return True

    async def describe(self, index: str) -> IndexInfo:
        async with self._calling(index):
            config = (await self._client.get_collection(self._prefix + index)).config
        vectors = config.params.vectors
        if not isinstance(vectors, models.VectorParams) or vectors.distance not in _METRICS:
            # Somebody else's, under our prefix.
            raise IndexNotFound(index)
        strict = config.strict_mode_config
        if strict and strict.enabled and strict.unindexed_filtering_retrieve is False:
            self._strict.add(index)
        else:
            self._strict.discard(index)
        kept = json.loads((config.metadata or {}).get(_METADATA, "{}"))
        return IndexInfo(
            index,
            vectors.size,
            _METRICS[vectors.distance],
            kept.get("tags", {}),
            kept.get("deletion_protection", False),
        )

    async def names(self) -> list[str]:
        async with self._calling(""):
            listed = (await self._client.get_collections()).collections
        return [item.name.removeprefix(self._prefix) for item in listed if item.name.startswith(self._prefix)]

    async def save(self, info: IndexInfo) -> None:
        async with self._calling(info.name, writes=True):
            await self._client.update_collection(self._prefix + info.name, metadata=_kept(info))

    async def drop(self, index: str) -> None:
        async with self._calling(index, writes=True):
            await self._client.delete_collection(self._prefix + index)

    async def write(self, index: str, namespace: str, records: Sequence[Record]) -> None:
        for batch in shapes.batches(records, _BATCH):
            points = [_point(namespace, record) for record in batch]
            async with self._calling(index, writes=True):
                await self._client.upsert(self._prefix + index, points, wait=True)

    async def remove(self, index: str, namespace: str, ids: Sequence[str]) -> None:
        chosen = models.PointIdsList(points=[_key(namespace, name) for name in ids])
        async with self._calling(index, writes=True):
            await self._client.delete(self._prefix + index, chosen, wait=True)

    async def clear(self, index: str, namespace: str) -> None:
        chosen = models.FilterSelector(filter=conditions.within(namespace))
        async with self._calling(index, writes=True):
            await self._client.delete(self._prefix + index, chosen, wait=True)

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
        within = self._within(index, namespace, chosen)
        euclidean = (await self.known(index)).metric == "euclidean"
        async with self._calling(index):
            answer = await self._client.query_points(
                self._prefix + index,
                query=vector.tolist(),
                query_filter=within,
                limit=limit,
                with_payload=["id", "metadata"] if metadata else ["id"],
            )
        found = []
        for point in answer.points:
            kept = point.payload or {}
            score = -(point.score**2) if euclidean else point.score
            found.append(Match(kept["id"], score, None, shapes.metadata_of(kept) if metadata else None))
        return found

    async def read(self, index: str, namespace: str, ids: Sequence[str]) -> dict[str, Record]:
        keys = [_key(namespace, name) for name in ids]
        async with self._calling(index):
            points = await self._client.retrieve(self._prefix + index, keys, with_payload=["id", "metadata", "values"])
        kept = [point.payload or {} for point in points]
        return {item["id"]: shapes.unpacked(item["id"], item) for item in kept}

    async def ids(self, index: str, namespace: str, chosen: Filter | None) -> list[str]:
        pages = self._scroll(index, self._within(index, namespace, chosen), "id")
        return [name async for name in pages]

    async def counts(self, index: str, chosen: Filter | None) -> dict[str, int]:
        async with self._calling(index):
            answer = await self._client.facet(
                self._prefix + index,
                key=conditions.NAMESPACE,
                facet_filter=conditions.anywhere(chosen, ranges=index not in self._strict) if chosen else None,
                limit=_MOST_NAMESPACES,
                exact=True,
            )
        counts: dict[str, int] = {}
        if chosen is None:
            counts = dict.fromkeys([name async for name in self._created(index)], 0)
        # The index of a field also knows values that no point has any more.
        return counts | {str(hit.value).removeprefix("/"): hit.count for hit in answer.hits if hit.count}

    def exact(self, index: str, chosen: Filter) -> bool:
        return conditions.exact(chosen, ranges=index not in self._strict)

    async def create_namespace(self, index: str, namespace: str) -> bool:
        if namespace in await self.counts(index, None):
            return False
        # A marker has a vector because every point has one.
        vector = [1.0] + [0.0] * ((await self.known(index)).dimension - 1)
        marker = {"marker": "namespace", "name": namespace}
        point = models.PointStruct(id=_marker(namespace), vector=vector, payload=marker)
        async with self._calling(index, writes=True):
            await self._client.upsert(self._prefix + index, [point], wait=True)
        return True

    async def drop_namespace(self, index: str, namespace: str) -> None:
        await self.clear(index, namespace)
        async with self._calling(index, writes=True):
            chosen = models.PointIdsList(points=[_marker(namespace)])
            await self._client.delete(self._prefix + index, chosen, wait=True)

    async def check(self) -> None:
        await self.names()

    async def close(self) -> None:
        await self._client.close()

    @asynccontextmanager
    async def _calling(self, index: str, *, writes: bool = False) -> AsyncIterator[None]:
        """Under the request's deadline, with the errors translated."""
        try:
            async with translated(index, writes=writes), asyncio.timeout(context.time_left(self._timeout_s)):
                yield
        except IndexNotFound:
            self.forget(index)
            raise

    def _within(self, index: str, namespace: str, chosen: Filter | None) -> models.Filter:
        return conditions.within(namespace, chosen, ranges=index not in self._strict)

    async def _index_payload(self, index: str) -> None:
        tenants = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
        keyword = models.PayloadSchemaType.KEYWORD
        async with self._calling(index, writes=True):
            for field, kind in ((conditions.NAMESPACE, tenants), ("terms", keyword), ("marker", keyword)):
                await self._client.create_payload_index(self._prefix + index, field, kind)

    async def _check_kept(self, info: IndexInfo) -> None:
        if (await self.describe(info.name)).tags != info.tags:
            await self.drop(info.name)
            raise StoreRefused("This Qdrant keeps no metadata of collections.", fix="Use Qdrant 1.16 or newer.")

    async def _created(self, index: str) -> AsyncIterator[str]:
        marked = models.FieldCondition(key="marker", match=models.MatchValue(value="namespace"))
        async for name in self._scroll(index, models.Filter(must=[marked]), "name"):
            yield name

    async def _scroll(self, index: str, chosen: models.Filter, field: str) -> AsyncIterator[str]:
        offset: Any = None
        while True:
            async with self._calling(index):
                points, offset = await self._client.scroll(
                    self._prefix + index, chosen, limit=_PAGE, offset=offset, with_payload=[field]
                )
            for point in points:
                yield (point.payload or {})[field]
            if offset is None:
                return


def _kept(info: IndexInfo) -> dict[str, Any]:
    # In one string, for Qdrant merges metadata.
    return {_METADATA: json.dumps({"tags": dict(info.tags), "deletion_protection": info.deletion_protection})}


def _point(namespace: str, record: Record) -> models.PointStruct:
    assert record.values is not None
    payload = shapes.packed(record) | {
        "id": record.id,
        conditions.NAMESPACE: conditions.kept_namespace(namespace),
        "numbers": shapes.numbers(record.metadata),
    }
    return models.PointStruct(id=_key(namespace, record.id), vector=record.values.tolist(), payload=payload)


def _key(namespace: str, name: str) -> str:
    return str(uuid5(_IDS, f"{namespace}\0{name}"))


def _marker(namespace: str) -> str:
    return str(uuid5(_IDS, f"namespace\0\0{namespace}"))
