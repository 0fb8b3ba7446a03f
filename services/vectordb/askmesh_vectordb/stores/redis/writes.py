"""What a write does: the records change at once and together, then the vector set follows."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from askmesh_kit.errors import DeadlineExceeded, InvalidRequest

from askmesh_vectordb.stores.base import Metadata, Record, Selection, StoreError, StoreOverloaded, Vector
from askmesh_vectordb.stores.redis import records, scripts
from askmesh_vectordb.stores.redis.attributes import attributes
from askmesh_vectordb.stores.redis.client import Server
from askmesh_vectordb.stores.redis.errors import Conflict, IndexGone
from askmesh_vectordb.stores.redis.keys import Index
from askmesh_vectordb.stores.redis.records import Held

_LINKED = 8
"""Records that the vector set takes in at a time: for these milliseconds nobody else is served."""
_LOG = 100_000
"""Changes that the log keeps, about."""
_TOGETHER = 100_000
"""Records that one request may change: a script's arguments are held in memory whole."""
_ATTEMPTS = 10
_UNIT = 1e-3
"""How far a vector's length may be from 1 to count as 1."""


class Writes:
    def __init__(self, server: Server) -> None:
        self._server = server

    async def upsert(self, index: Index, namespace: str, written: Sequence[Record]) -> None:
        latest = {record.id: record for record in written}
        arguments: list[str | bytes] = []
        for record in latest.values():
            assert record.values is not None
            arguments += [record.id, "", *_fields(record.values, record.metadata)]
        await self._run(scripts.WRITE, index, namespace, arguments)
        await self.link(index, namespace, list(latest))

    async def update(
        self, index: Index, namespace: str, selection: Selection, values: Vector | None, changes: Metadata
    ) -> int:
        """How many were selected and changed."""
        for attempt in range(_ATTEMPTS):
            chosen = await self.select(index, namespace, selection)
            arguments: list[str | bytes] = []
            for held in chosen:
                arguments += [held.id, held.digest, *_fields(values, held.metadata | changes)]
            try:
                if arguments:
                    await self._run(scripts.WRITE, index, namespace, arguments)
            except Conflict:
                await asyncio.sleep(0.005 * 2**attempt)
                continue
            if values is not None:
                await self.link(index, namespace, [held.id for held in chosen])
            return len(chosen)
        raise _contended()

    async def delete(self, index: Index, namespace: str, selection: Selection) -> None:
        for attempt in range(_ATTEMPTS):
            if selection.filter is None:
                pairs = [(name, "") for name in dict.fromkeys(selection.ids or [])]
            else:
                pairs = [(held.id, held.digest) for held in await self.select(index, namespace, selection)]
            arguments = [part for pair in pairs for part in pair]
            try:
                gone = await self._run(scripts.DELETE, index, namespace, arguments)
            except Conflict:
                await asyncio.sleep(0.005 * 2**attempt)
                continue
            names = [name.decode() for name in gone]
            await self.link(index, namespace, names)
            return
        raise _contended()

    async def clear(self, index: Index, namespace: str, *, forget: bool) -> bool:
        """Remove every record; `forget` the namespace too. Whether there was such a namespace."""
        return bool(await self._run(scripts.CLEAR, index, namespace, ["1" if forget else "0"]))

    async def create_namespace(self, index: Index, namespace: str) -> bool:
        """False where it was there before."""
        return bool(await self._run(scripts.CREATE_NAMESPACE, index, namespace, []))

    async def link(self, index: Index, namespace: str, ids: Sequence[str]) -> None:
        """Bring the vector set up to these records. They were written before, so that it does not matter for the
        request whether this succeeds: what stays pending is found all the same, and taken in by a later search."""
        with suppress(StoreError, DeadlineExceeded, IndexGone):
            for start in range(0, len(ids), _LINKED):
                await self._run(scripts.LINK, index, namespace, ids[start : start + _LINKED])

    async def select(self, index: Index, namespace: str, selection: Selection) -> list[Held]:
        """The records that a selection means, without their vectors."""
        space = index.space(namespace)
        if selection.ids is not None:
            held = await records.read(self._server, space, list(dict.fromkeys(selection.ids)), values=False)
            return [record for record in held if record.satisfies(selection.filter)]
        if selection.filter is None and not selection.everything:
            return []
        return await records.select(self._server, space, selection.filter)

    async def _run(self, script: str, index: Index, namespace: str, arguments: Sequence[str | bytes]) -> list[bytes]:
        if len(arguments) > 6 * _TOGETHER:
            raise InvalidRequest(
                f"More than {_TOGETHER} records would change at once.", fix="Narrow the filter, or name ids."
            )
        keys = [index.live, index.namespaces, index.log, *index.space(namespace).all]
        found: list[bytes] = await self._server.script(script, keys, [namespace, str(_LOG), *arguments])
        return found


def _fields(values: Vector | None, metadata: Metadata) -> list[str | bytes]:
    """Vector, metadata, attributes, and whether the vector's length is not 1."""
    raw = b"" if values is None else values.astype("<f4").tobytes()
    uneven = values is not None and abs(float(np.linalg.norm(values.astype(np.float64))) - 1) > _UNIT
    text = json.dumps(metadata, allow_nan=False, separators=(",", ":"))
    return [raw, text, attributes(metadata), "1" if uneven else "0"]


def _contended() -> StoreOverloaded:
    return StoreOverloaded("Others keep writing the same records.", fix="Try again.", retry_after=1)
