"""The names of the keys: those of an index begin with its uid, those of its namespaces end with their names."""

from dataclasses import dataclass

from askmesh_vectordb.stores.base import IndexInfo


@dataclass(frozen=True, slots=True)
class Index:
    """An index as the catalog names it: `uid` is never used twice."""

    prefix: str
    uid: str
    info: IndexInfo

    def _key(self, *parts: str) -> str:
        return ":".join([f"{self.prefix}:{self.uid}", *parts])

    @property
    def live(self) -> str:
        """Is there until the index is dropped; each write looks at it."""
        return self._key("live")

    @property
    def namespaces(self) -> str:
        """Hash of names; "1" for those that stay when they are empty."""
        return self._key("namespaces")

    @property
    def log(self) -> str:
        """Stream of which records changed."""
        return self._key("log")

    def space(self, namespace: str) -> "Space":
        return Space(
            *(self._key(kind, namespace) for kind in ("ids", "values", "metadata", "uneven", "pending", "vectors"))
        )


@dataclass(frozen=True, slots=True)
class Space:
    """The keys of one namespace. The records are `ids` (a sorted set, for listing), `values` (raw float32) and
    `metadata` (JSON), which change together; `vectors`, the vector set, follows them."""

    ids: str
    values: str
    metadata: str
    # Ids of the vectors whose length is not 1.
    uneven: str
    # Ids that `vectors` has yet to take in, with their attributes; "" for those it has to drop.
    pending: str
    vectors: str

    @property
    def all(self) -> list[str]:
        return [self.ids, self.values, self.metadata, self.uneven, self.pending, self.vectors]
