"""What a move reads from, and what it raises."""

from typing import Protocol

from askmesh_vectordb.stores.base import IndexInfo, Page, Record, StoreError


class Readable(Protocol):
    """The part of a store that a copy reads; every `Store` has it, and so has a Parquet file."""

    async def list_indexes(self) -> list[IndexInfo]: ...

    async def describe_index(self, name: str) -> IndexInfo: ...

    async def count(self, index: str) -> dict[str, int]: ...

    async def scan(self, index: str, namespace: str, *, limit: int, cursor: str | None = None) -> Page[Record]: ...

    async def close(self) -> None: ...


class MoveRefused(StoreError):
    """It would not be right to begin, or to go on: nothing was written."""

    status, code = 409, "move_refused"


class BadFile(StoreError):
    """A checkpoint or a Parquet file is not what it must be."""

    status, code = 400, "bad_file"
