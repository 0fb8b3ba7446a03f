"""Checksums of records that do not depend on the order, and when two records count as the same."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from askmesh_vectordb.stores.base import Metadata, Metric, Record, Vector

_BITS = 128
TOLERANCE = 1e-3
"""Largest difference of a value, relative to the vector's largest: half precision keeps 11 bits, about 5e-4."""


@dataclass(slots=True)
class Digest:
    """Sums, modulo 2^128, of BLAKE2b over each record's id and metadata, and over its id and float32 values."""

    count: int = 0
    metadata: int = 0
    values: int = 0

    def add(self, record: Record) -> None:
        assert record.values is not None
        name = record.id.encode()
        self.count += 1
        self.metadata = (self.metadata + _hash(name, canonical(record.metadata).encode())) % 2**_BITS
        self.values = (self.values + _hash(name, record.values.astype("<f4").tobytes())) % 2**_BITS

    def to_json(self) -> list[Any]:
        return [self.count, f"{self.metadata:032x}", f"{self.values:032x}"]

    @classmethod
    def from_json(cls, given: list[Any]) -> "Digest":
        count, metadata, values = given
        return cls(int(count), int(metadata, 16), int(values, 16))


def canonical(metadata: Metadata) -> str:
    """One text for equal metadata. Stores that know one kind of number only, Pinecone for one, return 1 as 1.0."""
    plain = {key: _number(value) for key, value in metadata.items()}
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def same_values(first: Vector, second: Vector, metric: Metric) -> bool:
    """Equal within TOLERANCE. Under the cosine the length does not count: some stores keep unit vectors."""
    if first.shape != second.shape:
        return False
    left, right = first.astype(np.float64), second.astype(np.float64)
    if metric == "cosine":
        left, right = left / (np.linalg.norm(left) or 1.0), right / (np.linalg.norm(right) or 1.0)
    return bool(np.abs(left - right).max(initial=0.0) <= TOLERANCE * np.abs(left).max(initial=0.0))


def same_bits(first: Record, second: Record) -> bool:
    """Equal metadata, and the same float32 values."""
    assert first.values is not None
    assert second.values is not None
    return canonical(first.metadata) == canonical(second.metadata) and np.array_equal(
        first.values.view(np.uint32), second.values.view(np.uint32)
    )


def same(first: Record, second: Record, metric: Metric) -> bool:
    """Equal metadata, and values within the tolerance."""
    assert first.values is not None
    assert second.values is not None
    return canonical(first.metadata) == canonical(second.metadata) and same_values(first.values, second.values, metric)


def _hash(name: bytes, content: bytes) -> int:
    # The length of the id keeps "a" + "bc" and "ab" + "c" apart.
    hashed = hashlib.blake2b(len(name).to_bytes(4, "little") + name + content, digest_size=_BITS // 8)
    return int.from_bytes(hashed.digest(), "little")


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
