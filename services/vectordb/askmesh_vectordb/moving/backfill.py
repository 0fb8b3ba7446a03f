"""The two long passes of a live move: filling the second store, and comparing it with the primary, while writes go on."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from askmesh_vectordb.moving.digests import same
from askmesh_vectordb.moving.journal import Journal, Mark
from askmesh_vectordb.moving.replication import Replicator
from askmesh_vectordb.stores.base import IndexInfo, IndexNotFound, Query, Record, Vector

_SAMPLES = 10
_TOP_K = 10
_COUNT_TRIES = 20
_OVERLAP_TRIES = 3


@dataclass(slots=True)
class Progress:
    """What the journal keeps of a move's way. `cursor` is of the backfill: all before it is written; empty where a
    namespace is begun, None where it is complete."""

    done: int = 0
    total: int = 0
    index: str = ""
    namespace: str = ""
    cursor: str | None = ""
    fresh: bool = True
    """The target was empty, and has missed nothing since."""
    compared: int = 0
    repaired: int = 0
    """Records that differed at the comparison though no write explains it."""
    overlap: float | None = None
    passes: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


Save = Callable[[Progress], Awaitable[None]]


class Passes:
    """`save` is called after each page, and lets other work of the move have its turn."""

    def __init__(
        self, replicator: Replicator, journal: Journal, progress: Progress, save: Save, *, page_size: int, lag_s: float
    ) -> None:
        self._replicator, self._journal = replicator, journal
        self._primary, self._secondary = replicator.primary, replicator.secondary
        self._progress, self._save = progress, save
        self._page_size, self._lag_s = page_size, lag_s

    async def fill(self) -> None:
        """Copy everything, from where it stopped. A write that comes meanwhile is marked, and carried over after the
        page that may hold the record's old state."""
        progress = self._progress
        places = [
            (info.name, namespace, count)
            for info in await self._primary.list_indexes()
            for namespace, count in sorted((await self._primary.count(info.name)).items())
        ]
        progress.total = sum(count for _, _, count in places)
        for index, namespace, _ in places:
            if (index, namespace) < (progress.index, progress.namespace):
                continue
            if (index, namespace) > (progress.index, progress.namespace):
                progress.index, progress.namespace, progress.cursor = index, namespace, ""
            if progress.cursor is not None:
                await self._replicator.match_index(index)
                await self._fill_namespace(index, namespace, progress.cursor or None)
            if not progress.fresh:
                await self._replicator.sweep(index, namespace)
        if not progress.fresh:
            await self._sweep_strangers()

    async def compare(self) -> bool:
        """One pass over everything: True where all is equal but for what marks explain. What is not is marked."""
        progress = self._progress
        progress.compared, found_before, shares = 0, progress.repaired, []
        for info in await self._primary.list_indexes():
            for namespace in await self._primary.count(info.name):
                sample = await self._compare_namespace(info, namespace)
                shares += [await self._overlap(info.name, namespace, vector) for vector in sample]
                if not await self._same_count(info.name, namespace):
                    progress.repaired += 1
                    await self._journal.mark_again([Mark("sweep", info.name, namespace)])
        progress.overlap = sum(shares) / len(shares) if shares else None
        progress.passes += 1
        await self._save(progress)
        return progress.repaired == found_before

    async def _fill_namespace(self, index: str, namespace: str, cursor: str | None) -> None:
        while True:
            try:
                page = await self._primary.scan(index, namespace, limit=self._page_size, cursor=cursor)
                if page.items:
                    await self._secondary.upsert(index, namespace, page.items)
            except IndexNotFound:
                # Dropped meanwhile, which has a mark of its own.
                return
            cursor = page.cursor
            self._progress.cursor, self._progress.done = cursor, self._progress.done + len(page.items)
            await self._save(self._progress)
            if cursor is None:
                await self._replicator.match_namespace(index, namespace)
                return

    async def _sweep_strangers(self) -> None:
        """Indexes and namespaces of the second store that the primary has not."""
        for info in await self._secondary.list_indexes():
            await self._replicator.match_index(info.name)
        for info in await self._primary.list_indexes():
            ours = await self._primary.count(info.name)
            for namespace in set(await self._secondary.count(info.name)) - set(ours):
                await self._replicator.sweep(info.name, namespace)

    async def _compare_namespace(self, info: IndexInfo, namespace: str) -> list[Vector]:
        """Some vectors to ask with."""
        sample: list[Vector] = []
        suspects: list[str] = []
        cursor: str | None = None
        while True:
            try:
                page = await self._primary.scan(info.name, namespace, limit=self._page_size, cursor=cursor)
                wrong = await self._differing(info, namespace, page.items)
            except IndexNotFound:
                return []
            if self._lag_s:
                # Perhaps it was written and does not show yet.
                suspects += wrong
            else:
                await self._repair(info, namespace, wrong)
            if len(sample) < _SAMPLES:
                every = max(1, len(page.items) // _SAMPLES)
                sample += [record.values for record in page.items[::every] if record.values is not None]
            self._progress.compared += len(page.items)
            await self._save(self._progress)
            cursor = page.cursor
            if cursor is None:
                await self._look_again(info, namespace, suspects)
                return sample[:_SAMPLES]

    async def _differing(self, info: IndexInfo, namespace: str, records: Sequence[Record]) -> list[str]:
        found = await self._secondary.fetch(info.name, namespace, [record.id for record in records]) if records else {}
        return [
            record.id for record in records if record.id not in found or not same(record, found[record.id], info.metric)
        ]

    async def _look_again(self, info: IndexInfo, namespace: str, ids: Sequence[str]) -> None:
        """The same for records that differed, when the second store's lag is over."""
        if ids:
            await asyncio.sleep(self._lag_s)
        for start in range(0, len(ids), self._page_size):
            try:
                records = await self._primary.fetch(info.name, namespace, ids[start : start + self._page_size])
                wrong = await self._differing(info, namespace, list(records.values()))
            except IndexNotFound:
                return
            await self._repair(info, namespace, wrong)

    async def _repair(self, info: IndexInfo, namespace: str, wrong: Sequence[str]) -> None:
        """Mark what differs though no mark explains it. Nothing was carried over since it was read."""
        explained = await self._journal.marked(info.name, namespace, wrong)
        unexplained = [Mark("record", info.name, namespace, name) for name in wrong if name not in explained]
        if unexplained:
            self._progress.repaired += len(unexplained)
            await self._journal.mark_again(unexplained)

    async def _same_count(self, index: str, namespace: str) -> bool:
        """Writes go on, so the two counts agree at some moments only; one is enough, as no record is missing."""
        for attempt in range(_COUNT_TRIES):
            await self._replicator.drain()
            try:
                ours, theirs = await self._primary.count(index), await self._secondary.count(index)
            except IndexNotFound:
                return True
            if ours.get(namespace, 0) == theirs.get(namespace, 0):
                return True
            await asyncio.sleep(min(0.05 * attempt + self._lag_s / _COUNT_TRIES, 5.0))
        return False

    async def _overlap(self, index: str, namespace: str, vector: Vector) -> float:
        """The share of the primary's nearest that the second store finds too; asked again where a write may have come
        between the two answers."""
        query, share = Query(_TOP_K, vector, include_metadata=False), 0.0
        for _ in range(_OVERLAP_TRIES):
            await self._replicator.drain()
            try:
                ours = {match.id for match in await self._primary.query(index, namespace, query)}
                theirs = {match.id for match in await self._secondary.query(index, namespace, query)}
            except IndexNotFound:
                return 1.0
            share = max(share, len(ours & theirs) / len(ours) if ours else 1.0)
            if share == 1.0:
                break
        return share
