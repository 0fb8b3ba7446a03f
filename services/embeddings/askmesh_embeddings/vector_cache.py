"""The vectors of recent queries, so that a question asked twice is encoded once."""

from collections import OrderedDict
from dataclasses import dataclass

from askmesh_embeddings.encoders.base import InputType, Vectors


@dataclass(frozen=True)
class Key:
    """Exact: nothing that could move the vector is left out. The fingerprint guards against a changed model."""

    text: str
    input_type: InputType | None
    truncate: bool
    fingerprint: str


@dataclass(frozen=True)
class CachedVector:
    """A unit vector, float32 [dim], and the number of tokens it cost."""

    vector: Vectors
    tokens: int


class VectorCache:
    """Least recently used goes first. `entries` 0 keeps nothing."""

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._vectors: OrderedDict[Key, CachedVector] = OrderedDict()

    def get(self, key: Key) -> CachedVector | None:
        found = self._vectors.get(key)
        if found:
            self._vectors.move_to_end(key)
        return found

    def put(self, key: Key, value: CachedVector) -> None:
        if not self._entries:
            return
        self._vectors[key] = value
        self._vectors.move_to_end(key)
        if len(self._vectors) > self._entries:
            self._vectors.popitem(last=False)

    def __len__(self) -> int:
        return len(self._vectors)
