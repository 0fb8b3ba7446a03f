"""The companion lexical indexes of one store: kept in step with its writes, rebuilt and caught up from its records."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextvars import Context
from pathlib import Path
from typing import Any

from askmesh_vectordb.filters import Filter
from askmesh_vectordb.stores.base import Match, Metadata, Record, Store
from askmesh_vectordb.stores.companion import Companion, Tickets

_PAGE = 100
_EXAMINED = 2000
"""Ranks that a filtered text search looks through at most."""
SEARCHED_FIELDS = {"header", "text"}


class Companions:
    """`lag_s`: how long a write to the store may stay unseen by its reads, in seconds."""

    def __init__(self, store: Store, folder: Path, lag_s: float) -> None:
        self._store, self._folder, self._lag_s = store, folder, lag_s
        self._open: dict[str, Companion] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def of(self, index: str) -> Companion:
        if index not in self._open:
            self._open[index] = Companion(self._folder / f"{index}.lexical.sqlite3", lag_s=self._lag_s)
        return self._open[index]

    @staticmethod
    def concerned(set_metadata: Metadata | None) -> bool:
        """Whether a change of metadata changes what is searched."""
        return bool(SEARCHED_FIELDS & set(set_metadata or {}))

    async def search(self, index: str, namespace: str, text: str, top_k: int, chosen: Filter | None) -> list[Match]:
        companion = self.of(index)
        await self._prepare(index)
        ranked = await companion.search(namespace, text, max(_EXAMINED, top_k))
        matches: list[Match] = []
        for start in range(0, len(ranked), _PAGE):
            part = ranked[start : start + _PAGE]
            records = await self._store.fetch(index, namespace, [name for name, _ in part])
            await companion.missed(namespace, [name for name, _ in part if name not in records])
            for name, score in part:
                record = records.get(name)
                if record and (chosen is None or chosen.matches(record.metadata)):
                    matches.append(Match(name, score, None, record.metadata))
            if len(matches) >= top_k:
                break
        return matches[:top_k]

    async def catch_up(
        self, index: str, namespace: str, tickets: Tickets, changes: Mapping[str, object] | None = None
    ) -> None:
        """Index what the store holds for these ids now, with changes it may not show yet; looked at again later."""
        if not tickets:
            return
        records = await self._store.fetch(index, namespace, list(tickets))
        texts: dict[str, Metadata | None] = {
            name: {**records[name].metadata, **(changes or {})} if name in records else None for name in tickets
        }
        await self.of(index).take_in(namespace, texts, tickets, final=False)

    async def drop(self, index: str) -> None:
        await self.of(index).close(remove=True)
        del self._open[index]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for companion in self._open.values():
            await companion.close()

    async def _prepare(self, index: str) -> None:
        """Fill the companion of an index, or bring it up to the store."""
        companion = self.of(index)
        await self._apart(companion.build(lambda: self._everything(index)))
        for other, tickets in (await companion.due()).items():
            await self.catch_up(index, other, tickets)

    async def _apart(self, work: Coroutine[Any, Any, None]) -> None:
        """Goes on when this request gives up waiting, so that a large index is ready for a later one: it is not under
        the request's deadline."""
        task = asyncio.get_running_loop().create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.shield(task)

    async def _everything(self, index: str) -> AsyncIterator[tuple[str, Sequence[Record]]]:
        for namespace in await self._store.count(index):
            cursor: str | None = None
            while True:
                page = await self._store.scan(index, namespace, limit=_PAGE, cursor=cursor)
                yield namespace, page.items
                cursor = page.cursor
                if cursor is None:
                    break
