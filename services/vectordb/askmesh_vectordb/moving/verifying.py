"""Whether a copy is equal: by checksums of everything, by value where those differ, and by what queries find."""

import asyncio
import hashlib
import heapq
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from askmesh_vectordb.moving.base import Readable
from askmesh_vectordb.moving.copying import Told
from askmesh_vectordb.moving.digests import Digest, same, same_bits
from askmesh_vectordb.moving.planning import Job
from askmesh_vectordb.moving.retrying import retried
from askmesh_vectordb.stores.base import Query, Record, Store

_SHOWN = 5
TOP_K = 10


@dataclass(slots=True)
class Verdict:
    """`exact`: checksums agree, bit for bit. `overlap`: mean share of top-k neighbours found on both sides."""

    job: Job
    source_count: int
    target_count: int
    exact: bool = False
    missing: int = 0
    different: int = 0
    extra: int = 0
    inexact: int = 0
    """Records whose values differ within the tolerance."""
    shown: list[str] = field(default_factory=list)
    overlap: float | None = None

    def holds(self, min_overlap: float) -> bool:
        return not (self.missing or self.different or self.extra) and (
            self.overlap is None or self.overlap >= min_overlap
        )

    def told(self, min_overlap: float) -> str:
        parts = [f"{self.target_count:,} records"]
        if self.exact:
            parts.append("checksums equal")
        elif not (self.missing or self.different or self.extra):
            parts.append(f"{self.inexact:,} within the tolerance of half precision" if self.inexact else "all equal")
        if self.missing or self.different:
            parts.append(f"{self.missing:,} missing and {self.different:,} different ({', '.join(self.shown)})")
        if self.extra:
            parts.append(f"{self.extra:,} more than there should be")
        if self.overlap is not None:
            low = "" if self.overlap >= min_overlap else f", below {min_overlap:g}"
            parts.append(f"top {TOP_K} overlap {self.overlap:.3f}{low}")
        return f"{self.job.name}: {', '.join(parts)}"


class Verifier:
    """`merged`: the target may hold more. `lag_s`: how long it may not show what was written."""

    def __init__(
        self, source: Readable, target: Store, told: Told, *, page_size: int, samples: int, merged: bool, lag_s: float
    ) -> None:
        self._source, self._target, self._told = source, target, told
        self._page_size, self._samples, self._merged, self._lag_s = page_size, samples, merged, lag_s

    async def verify(self, job: Job, copied: Digest) -> Verdict:
        """`copied`: what was read at the source and written."""
        until = time.monotonic() + self._lag_s
        while True:
            verdict = await self._compare(job, copied)
            if verdict.holds(0.0) or time.monotonic() >= until:
                return verdict
            await asyncio.sleep(2.0)

    async def _compare(self, job: Job, copied: Digest) -> Verdict:
        if self._merged:
            verdict = Verdict(job, copied.count, copied.count)
            await self._by_value(job, verdict)
            return verdict
        found, sample = await self._read_target(job, copied.count)
        verdict = Verdict(job, copied.count, found.count, exact=found == copied)
        if not verdict.exact:
            await self._by_value(job, verdict)
            verdict.extra = max(0, found.count - (copied.count - verdict.missing))
        verdict.overlap = await self._overlap(job, sample)
        return verdict

    async def _read_target(self, job: Job, total: int) -> tuple[Digest, list[Record]]:
        """Its digest, and the records whose ids have the smallest hashes: a sample that any order gives."""
        digest, cursor = Digest(), None
        sample: list[tuple[int, str, Record]] = []
        while True:
            scan = partial(self._target.scan, job.target.name, job.namespace, limit=self._page_size, cursor=cursor)
            page = await retried(scan)
            for record in page.items:
                digest.add(record)
                heapq.heappush(sample, (-_rank(record.id), record.id, record))
                if len(sample) > self._samples:
                    heapq.heappop(sample)
            self._told(f"verify {job.name}", digest.count, total)
            cursor = page.cursor
            if cursor is None:
                return digest, [record for _, _, record in sample]

    async def _by_value(self, job: Job, verdict: Verdict) -> None:
        """Compare each record of the source with the target's."""
        cursor, done = None, 0
        while True:
            scan = partial(self._source.scan, job.source.name, job.namespace, limit=self._page_size, cursor=cursor)
            page = await retried(scan)
            await self._compare_page(job, page.items, verdict)
            done += len(page.items)
            self._told(f"compare {job.name}", done, verdict.source_count)
            cursor = page.cursor
            if cursor is None:
                return

    async def _compare_page(self, job: Job, records: Sequence[Record], verdict: Verdict) -> None:
        names = [record.id for record in records]
        found = await retried(lambda: self._target.fetch(job.target.name, job.namespace, names)) if names else {}
        missing = [name for name in names if name not in found]
        pairs = [(record, found[record.id]) for record in records if record.id in found]
        different = [ours.id for ours, theirs in pairs if not same(ours, theirs, job.source.metric)]
        verdict.inexact += sum(not same_bits(ours, theirs) for ours, theirs in pairs) - len(different)
        verdict.missing += len(missing)
        verdict.different += len(different)
        verdict.shown = [*verdict.shown, *missing, *different][:_SHOWN]

    async def _overlap(self, job: Job, sample: Sequence[Record]) -> float | None:
        """None where there is nothing to ask, or the source answers no queries."""
        if not sample or not isinstance(self._source, Store):
            return None
        shares: list[float] = []
        for record in sample:
            query = Query(TOP_K, record.values, include_metadata=False)
            nearest = await retried(partial(self._source.query, job.source.name, job.namespace, query))
            copied = await retried(partial(self._target.query, job.target.name, job.namespace, query))
            ours, theirs = {match.id for match in nearest}, {match.id for match in copied}
            shares.append(len(ours & theirs) / max(len(ours), 1))
        return sum(shares) / len(shares)


def _rank(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
