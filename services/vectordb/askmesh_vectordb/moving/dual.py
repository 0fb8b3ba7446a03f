"""The store in front of the two stores of a move: it asks the one that counts now, and marks what the other must follow.

Where nothing is being moved it costs a look at whether there is a journal, and one shared file lock for each write.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from askmesh_kit.logs import get_logger

from askmesh_vectordb.filters import Filter
from askmesh_vectordb.moving.gate import Gate
from askmesh_vectordb.moving.journal import Journal, Mark
from askmesh_vectordb.moving.named import NamedStores
from askmesh_vectordb.stores.base import (
    Capabilities,
    IndexInfo,
    Match,
    Metadata,
    Page,
    Query,
    Record,
    Selection,
    Store,
    StoreError,
    Vector,
)

log = get_logger("askmesh.moves")

T = TypeVar("T")
_END_AGAIN_S = 1.0
_UNKNOWN_SETTLE_S = 5.0
"""How long a store may go on with a write whose outcome it did not say."""


class MovableStore(Store):
    """Reads and writes go to the primary; a write that was acknowledged there never fails for the other's sake."""

    def __init__(self, stores: NamedStores, journal: Journal, gate: Gate, wake: Callable[[], None]) -> None:
        self._stores, self._journal, self._gate, self._wake = stores, journal, gate, wake
        self._running: set[asyncio.Task[object]] = set()
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def primary(self) -> Store:
        return self._stores.named(self._gate.routing().primary)

    @property
    def capabilities(self) -> Capabilities:
        return self.primary.capabilities

    async def ensure_index(self, wanted: IndexInfo) -> bool:
        return await self._write(lambda store: store.ensure_index(wanted), [Mark("index", wanted.name)])

    async def describe_index(self, name: str) -> IndexInfo:
        return await self.primary.describe_index(name)

    async def list_indexes(self) -> list[IndexInfo]:
        return await self.primary.list_indexes()

    async def configure_index(
        self, name: str, *, tags: Mapping[str, str] | None = None, deletion_protection: bool | None = None
    ) -> IndexInfo:
        def work(store: Store) -> Awaitable[IndexInfo]:
            return store.configure_index(name, tags=tags, deletion_protection=deletion_protection)

        return await self._write(work, [Mark("index", name)])

    async def drop_index(self, name: str) -> None:
        await self._write(lambda store: store.drop_index(name), [Mark("index", name, id="swept")])

    async def upsert(self, index: str, namespace: str, records: Sequence[Record]) -> None:
        marks = _records(index, namespace, [record.id for record in records])
        await self._write(lambda store: store.upsert(index, namespace, records), marks)

    async def query(self, index: str, namespace: str, query: Query) -> list[Match]:
        return await self.primary.query(index, namespace, query)

    async def fetch(self, index: str, namespace: str, ids: Sequence[str]) -> dict[str, Record]:
        return await self.primary.fetch(index, namespace, ids)

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
        def work(store: Store) -> Awaitable[int]:
            return store.update(index, namespace, selection, values=values, set_metadata=set_metadata, dry_run=dry_run)

        if dry_run:
            return await work(self.primary)
        return await self._write(work, _selected(index, namespace, selection))

    async def delete(self, index: str, namespace: str, selection: Selection) -> None:
        await self._write(
            lambda store: store.delete(index, namespace, selection), _selected(index, namespace, selection)
        )

    async def count(self, index: str, filter: Filter | None = None) -> dict[str, int]:  # noqa: A002
        return await self.primary.count(index, filter)

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
        return await self.primary.scan(
            index,
            namespace,
            limit=limit,
            cursor=cursor,
            prefix=prefix,
            filter=filter,
            include_values=include_values,
        )

    async def create_namespace(self, index: str, namespace: str) -> None:
        await self._write(lambda store: store.create_namespace(index, namespace), [Mark("sweep", index, namespace)])

    async def drop_namespace(self, index: str, namespace: str) -> None:
        await self._write(lambda store: store.drop_namespace(index, namespace), [Mark("sweep", index, namespace)])

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
        return await self.primary.search_text(
            index, namespace, text, top_k=top_k, filter=filter, include_metadata=include_metadata
        )

    async def check(self) -> str | None:
        return await self.primary.check()

    async def close(self) -> None:
        """Waits for the writes that are under way; the stores behind are closed by whoever opened them."""
        await asyncio.gather(*self._running, return_exceptions=True)
        for ending in self._ending:
            ending.cancel()
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def _write(self, work: Callable[[Store], Awaitable[T]], marks: Sequence[Mark]) -> T:
        # A caller who goes away does not stop a write that a thread or a server is doing: it counts as under way
        # until it is over.
        task = asyncio.ensure_future(self._write_marked(work, marks))
        self._running.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    async def _write_marked(self, work: Callable[[Store], Awaitable[T]], marks: Sequence[Mark]) -> T:
        async with self._gate.writing() as routing:
            store = self._stores.named(routing.primary)
            op = await self._journal.note(marks) if routing.journaling and marks else None
            if op is None:
                return await work(store)
            settle_s = self._stores.lag_s(routing.primary)
            try:
                return await work(store)
            except StoreError as error:
                settle_s += _UNKNOWN_SETTLE_S if error.outcome_unknown else 0.0
                raise
            except BaseException:
                settle_s += _UNKNOWN_SETTLE_S
                raise
            finally:
                await self._end(op, settle_s)
                self._wake()

    async def _end(self, op: int, settle_s: float) -> None:
        try:
            await self._journal.end(op, settle_s)
        except StoreError as error:
            # The primary has its record all the same; until this is noted, the other waits for it.
            log.warning("move_journal_failed", op=op, reason=error.message)
            again = asyncio.ensure_future(self._end_later(op, settle_s))
            self._ending.add(again)
            again.add_done_callback(self._ending.discard)

    async def _end_later(self, op: int, settle_s: float) -> None:
        await asyncio.sleep(_END_AGAIN_S)
        await self._end(op, settle_s)

    def _finished(self, task: "asyncio.Task[object]") -> None:
        self._running.discard(task)
        if not task.cancelled():
            # Whoever asked may be gone; what went wrong is then nobody's to hear.
            task.exception()


def _records(index: str, namespace: str, ids: Sequence[str]) -> list[Mark]:
    return [Mark("record", index, namespace, name) for name in dict.fromkeys(ids)]


def _selected(index: str, namespace: str, selection: Selection) -> list[Mark]:
    if selection.ids is not None:
        return _records(index, namespace, selection.ids)
    chosen = json.dumps(selection.filter.json, ensure_ascii=False) if selection.filter else ""
    return [Mark("sweep", index, namespace, chosen)]
