"""Qdrant's engine in process (`qdrant-edge-py`). A write is in its log, but not on the disk, until `flush`."""

from typing import Any

import qdrant_edge as qdrant

from bench.vectordb.contenders.base import EF_CONSTRUCTION, EF_SEARCH, Contender, M


class QdrantEdge(Contender):
    def open(self) -> None:
        path = self.folder / "shard"
        if path.exists():
            self._shard = qdrant.EdgeShard.load(str(path))
            return
        path.mkdir()
        graph = qdrant.HnswIndexConfig(m=M, ef_construct=EF_CONSTRUCTION, full_scan_threshold=10_000)
        vectors = qdrant.EdgeVectorParams(size=self.dimension, distance=qdrant.Distance.Cosine, hnsw_config=graph)
        self._shard = qdrant.EdgeShard.create(str(path), qdrant.EdgeConfig(vectors={"": vectors}, hnsw_config=graph))
        self._shard.update(qdrant.UpdateOperation.create_field_index("n", qdrant.PayloadSchemaType.Integer))

    def write(self, first: int, vectors: Any) -> None:
        points = [qdrant.Point(first + n, vector.tolist(), {"n": first + n}) for n, vector in enumerate(vectors)]
        self._shard.update(qdrant.UpdateOperation.upsert_points(points))

    def finish(self) -> None:
        self._shard.optimize()
        self._shard.flush()

    def query(self, vector: Any, top_k: int, below: int | None) -> list[int]:
        chosen = None
        if below is not None:
            chosen = qdrant.Filter(must=[qdrant.FieldCondition("n", range=qdrant.RangeFloat(lt=below))])
        request = qdrant.SearchRequest(
            query=qdrant.Query.Nearest(vector.tolist()),
            limit=top_k,
            filter=chosen,
            with_payload=True,
            params=qdrant.SearchParams(hnsw_ef=EF_SEARCH),
        )
        return [int(point.id) for point in self._shard.search(request)]

    def close(self) -> None:
        self._shard.close()
