"""Writes a collection into a Parquet file, row group by row group; the file appears under its name when it is whole."""

import asyncio
import json
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from askmesh_vectordb.moving.base import MoveRefused, Readable
from askmesh_vectordb.moving.copying import Told
from askmesh_vectordb.moving.digests import Digest
from askmesh_vectordb.moving.parquet import FORMAT, KEY, schema
from askmesh_vectordb.moving.retrying import retried
from askmesh_vectordb.stores.base import IndexInfo, Record

_GROUP_BYTES = 8 * 1024 * 1024
_MOST_IN_GROUP = 10_000


async def export(source: Readable, index: str, namespace: str | None, target: Path, told: Told) -> dict[str, Digest]:
    """What was written, by namespace. Memory: one row group of about 8 MB. The file is replaced in one step."""
    info = await retried(lambda: source.describe_index(index))
    counts = await retried(lambda: source.count(index))
    if namespace is not None:
        if namespace and namespace not in counts:
            raise MoveRefused(f"The index {index!r} has no namespace {namespace!r}.")
        counts = {namespace: counts.get(namespace, 0)}
    fresh = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with fresh.open("wb") as file:
            writer = _Writer(file, info)
            done, total = 0, sum(counts.values())
            for name in sorted(counts):
                await writer.write(source, name, partial(_tell, told, name, done, total))
                done += writer.digests[name].count
            writer.close()
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, target)
    finally:
        fresh.unlink(missing_ok=True)
    return writer.digests


def _tell(told: Told, name: str, before: int, total: int, done: int) -> None:
    told(f"export {name or '__default__'}", before + done, total)


class _Writer:
    def __init__(self, file: object, info: IndexInfo) -> None:
        self._info, self._schema = info, schema(info.dimension)
        self._rows = max(1, min(_MOST_IN_GROUP, _GROUP_BYTES // (4 * info.dimension)))
        self._writer = pq.ParquetWriter(
            file, self._schema, compression="zstd", use_dictionary=["namespace"], write_page_checksum=True
        )
        self.digests: dict[str, Digest] = {}
        self._groups: list[str] = []

    async def write(self, source: Readable, namespace: str, told: "partial[None]") -> None:
        digest = self.digests.setdefault(namespace, Digest())
        cursor: str | None = None
        while True:
            scan = partial(source.scan, self._info.name, namespace, limit=self._rows, cursor=cursor)
            page = await retried(scan)
            if page.items:
                await asyncio.to_thread(self._group, namespace, page.items, digest)
            told(digest.count)
            cursor = page.cursor
            if cursor is None:
                return

    def _group(self, namespace: str, records: Sequence[Record], digest: Digest) -> None:
        for record in records:
            digest.add(record)
        flat = np.concatenate([np.asarray(record.values, dtype=np.float32) for record in records])
        values = pa.FixedSizeListArray.from_arrays(pa.array(flat), type=self._schema.field("values").type)
        metadata = [json.dumps(record.metadata, ensure_ascii=False, separators=(",", ":")) for record in records]
        columns = [[record.id for record in records], [namespace] * len(records), values, metadata]
        self._writer.write_table(pa.table(columns, schema=self._schema), row_group_size=len(records))
        self._groups.append(namespace)

    def close(self) -> None:
        info = self._info
        note = {
            "format": FORMAT,
            "index": {
                "name": info.name,
                "dimension": info.dimension,
                "metric": info.metric,
                "tags": dict(info.tags),
            },
            "namespaces": {name: digest.to_json() for name, digest in self.digests.items()},
            "groups": self._groups,
        }
        self._writer.add_key_value_metadata({KEY.decode(): json.dumps(note, ensure_ascii=False)})
        self._writer.close()
