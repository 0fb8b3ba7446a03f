"""What a copy will do, worked out and refused where it would not be right, before anything is written.

Nothing is tried again here: a side that cannot be reached is to be said at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from askmesh_vectordb.moving.base import MoveRefused, Readable
from askmesh_vectordb.moving.checkpoint import Checkpoint
from askmesh_vectordb.stores.base import FINGERPRINT, IndexInfo, IndexMismatch, Store, check_same_index


@dataclass(frozen=True, slots=True)
class Selected:
    """None stands for all; `rename` is the index's name at the target."""

    index: str | None = None
    rename: str | None = None
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One namespace to be copied; `total` records were in it when the plan was made."""

    source: IndexInfo
    target: IndexInfo
    namespace: str
    total: int

    @property
    def name(self) -> str:
        return f"{self.source.name}/{self.namespace or '__default__'}"


@dataclass(frozen=True, slots=True)
class Plan:
    jobs: Sequence[Job]
    new: Sequence[IndexInfo]
    """Indexes that the target does not have yet."""


async def plan(source: Readable, target: Store, selected: Selected, checkpoint: Checkpoint, *, merge: bool) -> Plan:
    """Raises MoveRefused or IndexMismatch; reads only. `merge`: records may be at the target already."""
    if selected.index is None:
        if selected.rename:
            raise MoveRefused("Only one index can be given another name.", fix="Name it with --index.")
        infos = await source.list_indexes()
    else:
        infos = [await source.describe_index(selected.index)]
    if not infos:
        raise MoveRefused("There are no indexes to copy.")
    known = {info.name: info for info in await target.list_indexes()}
    jobs: list[Job] = []
    new: list[IndexInfo] = []
    for info in infos:
        wanted = replace(info, name=selected.rename or info.name)
        check_target(wanted, known.get(wanted.name), target)
        if wanted.name not in known:
            new.append(wanted)
        jobs += await _jobs(source, info, wanted, selected.namespace)
    for name in {job.target.name for job in jobs} & set(known) if not merge else set():
        await _check_room(target, [job for job in jobs if job.target.name == name], checkpoint)
    return Plan(jobs, new)


def check_target(wanted: IndexInfo, existing: IndexInfo | None, target: Store) -> None:
    """Raises MoveRefused where the target cannot hold such an index, IndexMismatch where it holds another one."""
    if wanted.metric not in target.capabilities.metrics:
        raise MoveRefused(f"The store {target.capabilities.store} does not know the metric {wanted.metric!r}.")
    if existing is None:
        return
    check_same_index(existing, wanted)
    known, ours = existing.tags.get(FINGERPRINT), wanted.tags.get(FINGERPRINT)
    if known != ours:
        raise IndexMismatch(
            f"The index {existing.name!r} exists with {FINGERPRINT} {known!r}; the records have {ours!r}.",
            fix="Use another index name, or drop this index first.",
        )


async def _jobs(source: Readable, info: IndexInfo, wanted: IndexInfo, namespace: str | None) -> list[Job]:
    counts = await source.count(info.name)
    if namespace is not None:
        if namespace and namespace not in counts:
            raise MoveRefused(f"The index {info.name!r} has no namespace {namespace!r}.")
        counts = {namespace: counts.get(namespace, 0)}
    return [Job(info, wanted, name, total) for name, total in sorted(counts.items())]


async def _check_room(target: Store, jobs: Sequence[Job], checkpoint: Checkpoint) -> None:
    counts = await target.count(jobs[0].target.name)
    for job in jobs:
        begun = checkpoint.place(job.target.name, job.namespace) if checkpoint.resumed else None
        if counts.get(job.namespace, 0) and begun is None:
            raise MoveRefused(
                f"The namespace {job.namespace or '__default__'!r} of the target's index {job.target.name!r} holds "
                f"{counts[job.namespace]} records already.",
                fix="Empty it, choose another name with --as, or add to it with --merge.",
            )
