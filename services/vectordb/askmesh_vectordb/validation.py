"""Checks of what comes in, with Pinecone's limits. Everything here raises InvalidRequest and names the place."""

import json
import re
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
from askmesh_kit.errors import InvalidRequest, TooLarge

from askmesh_vectordb import filters
from askmesh_vectordb.filters import Filter
from askmesh_vectordb.schemas import CreateIndexRequest
from askmesh_vectordb.schemas import Vector as WireVector
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import IndexInfo, Metadata, Metric, Record, Vector

DEFAULT_NAMESPACE = "__default__"
LARGEST_VALUE = 1e15
"""Beyond this magnitude the squares that a score sums would leave float32's range."""

_INDEX_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,43}[a-z0-9])?")


class Limits:
    """The checks, under the limits of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def record(self, given: WireVector, place: str) -> Record:
        if given.sparse_values is not None:
            raise no_sparse_values(f"{place}.sparseValues")
        self.id(given.id, f"{place}.id")
        values = self.vector(given.values, f"{place}.values")
        if not values.any():
            raise InvalidRequest(f"{place}.values: a dense vector must hold at least one value that is not zero.")
        return Record(given.id, values, self.metadata(given.metadata or {}, f"{place}.metadata"))

    def vector(self, given: Sequence[float], place: str) -> Vector:
        if not given:
            raise InvalidRequest(f"{place}: dense values are needed.")
        if len(given) > self._settings.max_dimension:
            raise InvalidRequest(f"{place}: more than {self._settings.max_dimension} values.")
        wide = np.asarray(given, dtype=np.float64)
        if not np.all(np.abs(wide) <= LARGEST_VALUE):
            raise InvalidRequest(f"{place}: values must be finite and at most {LARGEST_VALUE:g} in magnitude.")
        return wide.astype(np.float32)

    def id(self, given: str, place: str) -> str:
        most = self._settings.max_id_length
        if not 1 <= len(given) <= most or not given.isascii() or "\0" in given:
            raise InvalidRequest(f"{place}: an id is 1 to {most} ASCII characters without NUL.")
        return given

    def ids(self, given: Sequence[str], place: str) -> list[str]:
        if not 1 <= len(given) <= self._settings.max_ids:
            raise InvalidRequest(f"{place}: give 1 to {self._settings.max_ids} ids.")
        return [self.id(item, f"{place}[{n}]") for n, item in enumerate(given)]

    def namespace(self, given: str) -> str:
        """The store's name of a namespace; Pinecone's alias of the default one is the empty string."""
        most = self._settings.max_namespace_length
        if len(given) > most or not given.isascii() or "\0" in given:
            raise InvalidRequest(f"namespace: at most {most} ASCII characters without NUL.")
        return "" if given == DEFAULT_NAMESPACE else given

    def metadata(self, given: dict[str, Any], place: str) -> Metadata:
        for key, value in given.items():
            self._metadata_value(key, value, place)
        size = len(json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode())
        if size > self._settings.max_metadata_bytes:
            raise InvalidRequest(
                f"{place}: metadata size is {size} bytes, which exceeds the limit of "
                f"{self._settings.max_metadata_bytes} bytes per vector."
            )
        return given

    def _metadata_value(self, key: str, value: Any, place: str) -> None:
        if key.startswith("$") or not key:
            raise InvalidRequest(f"{place}: the key {key[:60]!r} is empty or begins with $.")
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**1023:
            raise InvalidRequest(f"{place}.{key}: the number is too large.")
        if not isinstance(value, str | int | float):
            raise InvalidRequest(
                f"{place}.{key}: a metadata value must be a string, number, boolean or list of strings."
            )

    def filter(self, given: dict[str, Any] | None) -> Filter | None:
        return None if given is None else filters.parse(given)

    def top_k(self, given: int) -> int:
        if not 1 <= given <= self._settings.max_top_k:
            raise InvalidRequest(f"topK: {given} is not between 1 and {self._settings.max_top_k}.")
        return given

    def page(self, given: int, most: int | None = None) -> int:
        most = most or self._settings.max_list_limit
        if not 1 <= given <= most:
            raise InvalidRequest(f"limit: {given} is not between 1 and {most}.")
        return given

    def text(self, given: str) -> str:
        if len(given) > self._settings.max_search_text:
            raise InvalidRequest(f"text: longer than {self._settings.max_search_text} characters.")
        return given

    def tags(self, given: dict[str, str] | None) -> dict[str, str]:
        given = given or {}
        if len(given) > self._settings.max_tags:
            raise InvalidRequest(f"tags: more than {self._settings.max_tags}.")
        for key, value in given.items():
            if not 1 <= len(key) <= 80 or len(value) > 120:
                raise InvalidRequest(f"tags.{key[:80]}: keys have 1 to 80 characters, values at most 120.")
        return given

    def index(self, given: CreateIndexRequest) -> IndexInfo:
        if not _INDEX_NAME.fullmatch(given.name):
            raise InvalidRequest("name: 1 to 45 lower case letters, digits and hyphens, none of them at the ends.")
        dimension, metric = _dense_field(given)
        if not 1 <= dimension <= self._settings.max_dimension:
            raise InvalidRequest(f"dimension: {dimension} is not between 1 and {self._settings.max_dimension}.")
        if metric not in get_args(Metric):
            raise InvalidRequest(f"metric: {metric!r} is not one of {', '.join(get_args(Metric))}.")
        protected = given.deletion_protection == "enabled"
        tags = {key: value for key, value in self.tags(given.tags).items() if value != ""}
        return IndexInfo(given.name, dimension, metric, tags, protected)  # type: ignore[arg-type]

    def upsert_size(self, size: int) -> None:
        if size > self._settings.max_upsert_bytes:
            raise TooLarge(
                f"The upsert has {size} bytes; the limit is {self._settings.max_upsert_bytes}.",
                fix="Send fewer vectors at a time.",
            )

    def upsert_count(self, count: int) -> None:
        if not 1 <= count <= self._settings.max_upsert_vectors:
            raise InvalidRequest(f"vectors: give 1 to {self._settings.max_upsert_vectors} of them.")


def no_sparse_values(place: str) -> InvalidRequest:
    """Sparse vectors are refused rather than dropped in silence."""
    return InvalidRequest(
        f"{place}: this service keeps no sparse vectors.",
        fix="Leave them out; POST …/search ranks by words as well.",
        code="sparse_values_unsupported",
    )


def _dense_field(given: CreateIndexRequest) -> tuple[int, str]:
    if given.index_schema is None:
        if given.vector_type not in (None, "dense"):
            raise no_sparse_values("vector_type")
        if given.dimension is None:
            raise InvalidRequest("dimension: needed for an index of dense vectors.")
        return given.dimension, given.metric or "cosine"
    declared = given.index_schema.get("fields")
    fields = [field for field in declared.values() if isinstance(field, dict)] if isinstance(declared, dict) else []
    kinds = [field.get("type") for field in fields]
    if kinds.count("dense_vector") != 1 or "sparse_vector" in kinds or "semantic_text" in kinds:
        raise InvalidRequest(
            "schema: an index here has exactly one dense_vector field and no sparse_vector or semantic_text."
        )
    dense = fields[kinds.index("dense_vector")]
    dimension, metric = dense.get("dimension"), dense.get("metric", "cosine")
    if isinstance(dimension, bool) or not isinstance(dimension, int) or not isinstance(metric, str):
        raise InvalidRequest("schema: dimension must be an integer, metric a string.")
    return dimension, metric
