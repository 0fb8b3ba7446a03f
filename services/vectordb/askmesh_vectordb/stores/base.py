"""The interface every store implements, with its value types and its errors. The contract suite is `contract.py`.

Promises a store keeps, or denies in `capabilities`: a write that returned is durable and seen by the next read; an
upsert replaces whole records and can be repeated; a request's records are written together or not at all.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from askmesh_kit.errors import ServiceError
from numpy.typing import NDArray

from askmesh_vectordb.filters import Filter

Metric = Literal["cosine", "dotproduct", "euclidean"]
Vector = NDArray[np.float32]
# Values are str, int, float, bool or list[str].
Metadata = dict[str, Any]
T = TypeVar("T")

FINGERPRINT = "fingerprint"
"""The index tag that names the embedding model; records of two fingerprints never share an index."""


@dataclass(frozen=True, slots=True)
class Record:
    """One vector with its metadata. `values` is None only where a read left it out."""

    id: str
    values: Vector | None
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """A found record. `score` is a similarity, higher is better: the cosine, the dot product, the negative squared
    Euclidean distance, or BM25 for text. Matches come best first, ties by id."""

    id: str
    score: float
    values: Vector | None = None
    metadata: Metadata | None = None


@dataclass(frozen=True, slots=True)
class IndexInfo:
    name: str
    dimension: int
    metric: Metric
    tags: Mapping[str, str] = field(default_factory=dict)
    deletion_protection: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """Nearest to `vector`, or to the record `id` (itself included; nothing when there is no such record)."""

    top_k: int
    vector: Vector | None = None
    id: str | None = None
    filter: Filter | None = None
    include_values: bool = False
    include_metadata: bool = True


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records a delete or an update means: those of `ids` (all of them where it is None) that satisfy `filter`.
    Where both are None, `everything` says that all are meant."""

    ids: Sequence[str] | None = None
    filter: Filter | None = None
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items and where to go on; `cursor` is None at the end."""

    items: list[T]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    store: str
    durable_writes: bool
    read_your_writes: bool
    atomic_requests: bool
    lexical: Literal["native", "companion", "none"]
    search: str
    sparse_values: bool = False
    metrics: tuple[Metric, ...] = ("cosine", "dotproduct", "euclidean")


class StoreError(ServiceError):
    """A store failed. `retryable`: the same call may succeed later. `outcome_unknown`: a write may have happened."""

    retryable = False
    outcome_unknown = False


class IndexNotFound(StoreError):
    status, code = 404, "index_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no index named {name[:60]!r}.", fix="Create it with POST /indexes.")


class NamespaceNotFound(StoreError):
    status, code = 404, "namespace_not_found"


class AlreadyExists(StoreError):
    status, code = 409, "already_exists"


class IndexMismatch(StoreError):
    """The index exists with another dimension, metric or embedding fingerprint."""

    status, code = 409, "index_mismatch"


class WrongDimension(StoreError):
    status, code = 400, "wrong_dimension"

    def __init__(self, got: int, want: int) -> None:
        super().__init__(f"Vector dimension {got} does not match the dimension of the index {want}.")


class UnsupportedFilter(StoreError):
    status, code = 400, "unsupported_filter"


class ProtectedIndex(StoreError):
    status, code = 403, "deletion_protected"


class StoreOverloaded(StoreError):
    status, code, retryable = 429, "overloaded", True


class StoreUnavailable(StoreError):
    status, code, retryable = 503, "store_unavailable", True


class OutcomeUnknown(StoreUnavailable):
    """The connection broke during a write. Repeating it is safe: writes are idempotent."""

    code, outcome_unknown = "outcome_unknown", True


class StoreRefused(StoreError):
    """The server behind understands, or allows, something else than it was asked."""

    status, code = 502, "store_refused"


class StoreRefusesKey(StoreError):
    status, code = 502, "store_refuses_key"


class StoreDamaged(StoreError):
    status, code = 503, "store_damaged"


class OutsideBinding(StoreError):
    """The caller is bound to part of the records, and this would reach beyond."""

    status, code = 403, "outside_binding"


class StorageFull(StoreError):
    status, code = 507, "storage_full"


class Store(ABC):
    """Asynchronous; safe to call from many tasks. The default namespace is the empty string."""

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities: ...

    @abstractmethod
    async def ensure_index(self, wanted: IndexInfo) -> bool:
        """Create the index; True if it was new. Raises IndexMismatch if it exists and differs."""

    @abstractmethod
    async def describe_index(self, name: str) -> IndexInfo: ...

    @abstractmethod
    async def list_indexes(self) -> list[IndexInfo]:
        """All of them, by name."""

    @abstractmethod
    async def configure_index(
        self, name: str, *, tags: Mapping[str, str] | None = None, deletion_protection: bool | None = None
    ) -> IndexInfo:
        """Merge tags (an empty value removes one). Raises IndexMismatch for a new fingerprint on kept records."""

    @abstractmethod
    async def drop_index(self, name: str) -> None: ...

    @abstractmethod
    async def upsert(self, index: str, namespace: str, records: Sequence[Record]) -> None:
        """Write whole records; of two with one id the later counts. Raises WrongDimension."""

    @abstractmethod
    async def query(self, index: str, namespace: str, query: Query) -> list[Match]: ...

    @abstractmethod
    async def fetch(self, index: str, namespace: str, ids: Sequence[str]) -> dict[str, Record]:
        """The records that exist, by id."""

    @abstractmethod
    async def update(
        self,
        index: str,
        namespace: str,
        selection: Selection,
        *,
        values: Vector | None = None,
        set_metadata: Metadata | None = None,
        dry_run: bool = False,
    ) -> int:
        """Replace the values of one record by id, merge metadata into the selected ones; how many were selected."""

    @abstractmethod
    async def delete(self, index: str, namespace: str, selection: Selection) -> None:
        """Selecting nothing is not an error."""

    @abstractmethod
    async def count(self, index: str, filter: Filter | None = None) -> dict[str, int]:  # noqa: A002
        """Records by namespace, those of a filter only; empty namespaces that were created are there with 0."""

    @abstractmethod
    async def scan(
        self,
        index: str,
        namespace: str,
        *,
        limit: int,
        cursor: str | None = None,
        prefix: str = "",
        filter: Filter | None = None,  # noqa: A002
        include_values: bool = True,
    ) -> Page[Record]:
        """Records in id order. A cursor stays valid while records come and go: each id is seen at most once."""

    @abstractmethod
    async def create_namespace(self, index: str, namespace: str) -> None:
        """Raises AlreadyExists."""

    @abstractmethod
    async def drop_namespace(self, index: str, namespace: str) -> None:
        """With its records. Raises NamespaceNotFound."""

    @abstractmethod
    async def search_text(
        self,
        index: str,
        namespace: str,
        text: str,
        *,
        top_k: int,
        filter: Filter | None = None,  # noqa: A002
        include_metadata: bool = True,
    ) -> list[Match]:
        """BM25 over the metadata fields `header` and `text`; any text is a valid query."""

    async def check(self) -> str | None:
        """Why the store cannot work now, or None."""
        return None

    async def close(self) -> None:
        """Release files and connections."""
        return


def check_same_index(existing: IndexInfo, wanted: IndexInfo) -> None:
    """Raises IndexMismatch, naming what differs, unless both hold vectors of one kind."""
    pairs: list[tuple[str, object, object]] = [
        ("dimension", existing.dimension, wanted.dimension),
        ("metric", existing.metric, wanted.metric),
    ]
    if FINGERPRINT in wanted.tags:
        pairs.append((FINGERPRINT, existing.tags.get(FINGERPRINT), wanted.tags[FINGERPRINT]))
    different = [f"{name} {old!r}, not {new!r}" for name, old, new in pairs if old != new]
    if different:
        raise IndexMismatch(
            f"The index {existing.name!r} exists with {' and '.join(different)}.",
            fix="Use another index name, or drop this index first.",
        )


def merged_tags(existing: IndexInfo, changes: Mapping[str, str], records: int) -> dict[str, str]:
    """Tags after a change. Raises IndexMismatch when records would change their fingerprint."""
    known, new = existing.tags.get(FINGERPRINT), changes.get(FINGERPRINT)
    if records and known and new is not None and new != known:
        raise IndexMismatch(
            f"The index {existing.name!r} holds {records} records of the fingerprint {known!r}.",
            fix="Build a new index for another embedding model.",
        )
    return {key: value for key, value in {**existing.tags, **changes}.items() if value != ""}
