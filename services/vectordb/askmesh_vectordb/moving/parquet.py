"""A collection in a Parquet file: `id`, `namespace`, `values` as fixed-size lists of float32, `metadata` as JSON text.

Each row group holds records of one namespace. The file's own metadata, under the key `askmesh`, tells the index
(dimension, metric, tags with the embedding fingerprint), the namespaces, and a checksum of each.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from askmesh_kit.errors import InvalidRequest

from askmesh_vectordb.moving.base import BadFile
from askmesh_vectordb.moving.copying import Told
from askmesh_vectordb.moving.digests import Digest
from askmesh_vectordb.stores.base import IndexInfo, IndexNotFound, Page, Record
from askmesh_vectordb.validation import Limits

KEY = b"askmesh"
FORMAT = 1


def schema(dimension: int) -> pa.Schema:
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("namespace", pa.string(), nullable=False),
            pa.field("values", pa.list_(pa.field("element", pa.float32(), nullable=False), dimension), nullable=False),
            pa.field("metadata", pa.string(), nullable=False),
        ]
    )


class ParquetCollection:
    """Reads an export; it can be copied from like a store. Memory: one row group. Raises BadFile where it is not whole."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path, self._limits = path, limits
        try:
            # A pre-check of each page's CRC tells a flipped bit from a different record.
            self._file = pq.ParquetFile(path, page_checksum_verification=True)
        except (pa.ArrowException, OSError) as error:
            raise BadFile(
                f"{path} cannot be read as Parquet: {error}.", fix="Export again: it may be cut off."
            ) from error
        self._info, self._digests, self._groups = self._read_note()
        self._cached: tuple[int, list[Record]] = -1, []

    async def list_indexes(self) -> list[IndexInfo]:
        return [self._info]

    async def describe_index(self, name: str) -> IndexInfo:
        if name != self._info.name:
            raise IndexNotFound(name)
        return self._info

    async def count(self, index: str) -> dict[str, int]:
        return {name: digest.count for name, digest in self._digests.items()}

    async def scan(self, index: str, namespace: str, *, limit: int, cursor: str | None = None) -> Page[Record]:
        group, offset = map(int, cursor.split(":")) if cursor else (self._next_group(namespace, 0), 0)
        if group >= len(self._groups):
            return Page([])
        records = await asyncio.to_thread(self._records, group)
        items = records[offset : offset + limit]
        if offset + limit < len(records):
            return Page(items, f"{group}:{offset + limit}")
        following = self._next_group(namespace, group + 1)
        return Page(items, f"{following}:0" if following < len(self._groups) else None)

    async def close(self) -> None:
        self._file.close()

    async def check(self, told: Told) -> None:
        """Read everything once and compare it with the checksums, so that nothing is written from a bad file."""
        found = {name: Digest() for name in self._digests}
        total, done = sum(digest.count for digest in self._digests.values()), 0
        for group, namespace in enumerate(self._groups):
            for record in await asyncio.to_thread(self._records, group):
                found[namespace].add(record)
            done += self._file.metadata.row_group(group).num_rows
            told(f"check {self._path.name}", done, total)
        if found != self._digests:
            raise BadFile(f"The records in {self._path} are not those that were exported: the checksums differ.")

    def _next_group(self, namespace: str, start: int) -> int:
        found = (n for n in range(start, len(self._groups)) if self._groups[n] == namespace)
        return next(found, len(self._groups))

    def _records(self, group: int) -> list[Record]:
        if self._cached[0] != group:
            self._cached = group, self._read_group(group)
        return self._cached[1]

    def _read_group(self, group: int) -> list[Record]:
        try:
            table = self._file.read_row_group(group).combine_chunks()
            wide = np.asarray(table.column("values").combine_chunks().flatten(), dtype=np.float32)
            vectors = wide.reshape(table.num_rows, self._info.dimension)
            if not np.isfinite(vectors).all():
                raise ValueError("values that are not finite")
            if set(table.column("namespace").to_pylist()) - {self._groups[group]}:
                raise ValueError("a namespace that does not belong there")
            rows = zip(table.column("id").to_pylist(), vectors, table.column("metadata").to_pylist(), strict=True)
            return [self._record(*row) for row in rows]
        except (pa.ArrowException, OSError, ValueError, TypeError, AttributeError, InvalidRequest) as error:
            raise BadFile(f"Row group {group} of {self._path} cannot be used: {error}.", fix="Export again.") from error

    def _record(self, name: str, values: "np.typing.NDArray[np.float32]", text: str) -> Record:
        metadata = json.loads(text)
        if not isinstance(metadata, dict):
            raise ValueError("metadata that is no object")
        return Record(self._limits.id(name, "id"), values.copy(), self._limits.metadata(metadata, "metadata"))

    def _read_note(self) -> tuple[IndexInfo, dict[str, Digest], list[str]]:
        try:
            note: dict[str, Any] = json.loads((self._file.metadata.metadata or {})[KEY])
            if note["format"] != FORMAT:
                raise ValueError(f"format {note['format']!r}")
            told = note["index"]
            info = IndexInfo(told["name"], int(told["dimension"]), told["metric"], dict(told["tags"]))
            digests = {name: Digest.from_json(item) for name, item in note["namespaces"].items()}
            groups = [str(name) for name in note["groups"]]
            rows = sum(digest.count for digest in digests.values())
            if not self._file.schema_arrow.equals(schema(info.dimension)):
                raise ValueError("other columns than an export has")
            if rows != self._file.metadata.num_rows or len(groups) != self._file.num_row_groups:
                raise ValueError("fewer or more rows than it says")
            if set(groups) - set(digests):
                raise ValueError("a row group of no namespace")
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise BadFile(f"{self._path} is no export of askmesh-vectordb: {error}.") from error
        return info, digests, groups
