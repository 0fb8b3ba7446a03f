"""Between the SDK's models and the store's."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
from pinecone.models.indexes.index import IndexModel

from askmesh_vectordb.stores.base import IndexInfo, IndexNotFound, Metric, Record, Vector

_BATCH_VECTORS = 1000
_BATCH_BYTES = 2_000_000 - 10_000
"""Pinecone's 2 MB for one upsert, less some for the envelope."""
_URL_BYTES = 6000
_URL_IDS = 100


def index_info(model: IndexModel) -> IndexInfo:
    """Raises IndexNotFound for an index that is not of dense vectors: it is none that this service can serve."""
    fields = [field for field in model.schema.fields.values() if hasattr(field, "dimension")]
    if len(fields) != 1:
        raise IndexNotFound(model.name)
    dense: Any = fields[0]
    metric = cast(Metric, dense.metric)
    return IndexInfo(
        model.name, dense.dimension, metric, dict(model.tags or {}), model.deletion_protection == "enabled"
    )


def numbers(values: Vector) -> list[float]:
    """float32 with the digits it has: half the bytes of its float64 digits."""
    return [float(text) for text in values.astype("U")]


def to_float32(values: Sequence[float]) -> Vector:
    return np.asarray(values, dtype=np.float32)


def to_wire(record: Record) -> dict[str, Any]:
    assert record.values is not None
    vector: dict[str, Any] = {"id": record.id, "values": numbers(record.values)}
    return vector | ({"metadata": record.metadata} if record.metadata else {})


def from_wire(vector: Any) -> Record:
    return Record(vector.id, to_float32(vector.values), dict(vector.metadata or {}))


def batches_by_size(vectors: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Vectors in requests that Pinecone takes."""
    batch: list[dict[str, Any]] = []
    size = 0
    for vector in vectors:
        length = len(json.dumps(vector, ensure_ascii=False).encode())
        if batch and (size + length > _BATCH_BYTES or len(batch) == _BATCH_VECTORS):
            yield batch
            batch, size = [], 0
        batch.append(vector)
        size += length
    if batch:
        yield batch


def id_batches(ids: Sequence[str]) -> Iterator[list[str]]:
    """Ids that fit into the query string of a URL."""
    batch: list[str] = []
    size = 0
    for name in dict.fromkeys(ids):
        # At worst every character is escaped to three.
        length = 3 * len(name) + 5
        if batch and (size + length > _URL_BYTES or len(batch) == _URL_IDS):
            yield batch
            batch, size = [], 0
        batch.append(name)
        size += length
    if batch:
        yield batch
