"""Copies records page by page: the next page is read while one is written, and after each the checkpoint is saved."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from askmesh_vectordb.moving.base import Readable
from askmesh_vectordb.moving.checkpoint import Checkpoint
from askmesh_vectordb.moving.digests import Digest
from askmesh_vectordb.moving.planning import Job, Plan
from askmesh_vectordb.moving.retrying import retried
from askmesh_vectordb.stores.base import AlreadyExists, Page, Record, Store

# What is worked on, records done and records in all.
Told = Callable[[str, int, int], None]


class Copier:
    """Bounded memory: two pages of `page_size` records."""

    def __init__(self, source: Readable, target: Store, checkpoint: Checkpoint, told: Told, page_size: int) -> None:
        self._source, self._target, self._checkpoint = source, target, checkpoint
        self._told, self._page_size = told, page_size

    async def run(self, plan: Plan) -> list[tuple[Job, Digest]]:
        """What was written of each job, summed up. Resumes where the checkpoint says."""
        for info in plan.new:
            await retried(partial(self._target.ensure_index, info))
        total = sum(job.total for job in plan.jobs)
        done = 0
        digests: list[tuple[Job, Digest]] = []
        for job in plan.jobs:
            digest = await self._copy(job, done, total)
            digests.append((job, digest))
            done += digest.count
        return digests

    async def _copy(self, job: Job, before: int, total: int) -> Digest:
        place = self._checkpoint.place(job.target.name, job.namespace)
        if place.done:
            return place.digest
        if not job.total:
            await self._create_empty(job)
        reading = self._read(job, place.cursor)
        try:
            while True:
                page = await reading
                if page.cursor is not None:
                    reading = self._read(job, page.cursor)
                await self._write(job, page.items)
                for record in page.items:
                    place.digest.add(record)
                place = replace(place, cursor=page.cursor, done=page.cursor is None)
                self._checkpoint.save(job.target.name, job.namespace, place)
                self._told(job.name, before + place.digest.count, total)
                if page.cursor is None:
                    return place.digest
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    def _read(self, job: Job, cursor: str | None) -> "asyncio.Task[Page[Record]]":
        size = self._page_size
        return asyncio.create_task(
            retried(lambda: self._source.scan(job.source.name, job.namespace, limit=size, cursor=cursor))
        )

    async def _write(self, job: Job, records: Sequence[Record]) -> None:
        if records:
            await retried(lambda: self._target.upsert(job.target.name, job.namespace, records))

    async def _create_empty(self, job: Job) -> None:
        """A namespace that was made and never filled is one all the same."""
        if job.namespace:
            try:
                await retried(lambda: self._target.create_namespace(job.target.name, job.namespace))
            except AlreadyExists:
                return
