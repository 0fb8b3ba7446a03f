"""Carries over to the second store what is marked, by reading the primary again: the last state wins, whatever it was."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence

from askmesh_vectordb import filters
from askmesh_vectordb.moving.journal import Due, Journal
from askmesh_vectordb.stores.base import (
    AlreadyExists,
    IndexInfo,
    IndexNotFound,
    NamespaceNotFound,
    Selection,
    Store,
    StoreError,
    WrongDimension,
)

_BATCH = 500
_LATER_S = 5.0
"""When a record that the second store refuses is tried again."""


class Replicator:
    """One coroutine at a time may use it: what was read from the primary is written before anything else is read."""

    def __init__(self, primary: Store, secondary: Store, journal: Journal) -> None:
        self.primary, self.secondary, self._journal = primary, secondary, journal
        self.refused: str | None = None

    async def drain(self) -> int:
        """Carry over what is due; how many marks. Raises StoreError where the second store cannot be reached."""
        handled = 0
        for due in await self._journal.due("index", _BATCH):
            await self.match_index(due.mark.index, swept=due.mark.id == "swept")
            await self._journal.clear([due])
            handled += 1
        for due in await self._journal.due("sweep", _BATCH):
            await self._sweep_marked(due)
            handled += 1
        while records := await self._journal.due("record", _BATCH):
            by_place: dict[tuple[str, str], list[Due]] = defaultdict(list)
            for due in records:
                by_place[due.mark.index, due.mark.namespace].append(due)
            for (index, namespace), dues in by_place.items():
                await self._carry(index, namespace, dues)
            handled += len(records)
        return handled

    async def sync(self, index: str, namespace: str, ids: Sequence[str]) -> None:
        """Make these records at the second store what they are at the primary."""
        try:
            found = await self.primary.fetch(index, namespace, ids)
        except IndexNotFound:
            # The index has a mark of its own.
            return
        gone = [name for name in ids if name not in found]
        for attempt in (1, 2):
            try:
                if found:
                    await self.secondary.upsert(index, namespace, list(found.values()))
                if gone:
                    await self.secondary.delete(index, namespace, Selection(ids=gone))
            except (IndexNotFound, WrongDimension):
                # It was made, or made anew, since.
                if attempt == 2:
                    raise
                await self.match_index(index)
            else:
                return

    async def sweep(self, index: str, namespace: str, chosen: filters.Filter | None = None) -> None:
        """The same for all that the second store holds in a namespace, or what satisfies a filter there."""
        cursor: str | None = None
        while True:
            try:
                page = await self.secondary.scan(
                    index, namespace, limit=_BATCH, cursor=cursor, filter=chosen, include_values=False
                )
            except IndexNotFound:
                return
            if page.items:
                await self.sync(index, namespace, [record.id for record in page.items])
            cursor = page.cursor
            if cursor is None:
                break
        await self.match_namespace(index, namespace)

    async def match_namespace(self, index: str, namespace: str) -> None:
        """A namespace without records is there, or not, as at the primary."""
        if not namespace:
            return
        try:
            ours, theirs = await self.primary.count(index), await self.secondary.count(index)
            if namespace in ours and namespace not in theirs:
                await self.secondary.create_namespace(index, namespace)
            elif namespace not in ours and theirs.get(namespace) == 0:
                await self.secondary.drop_namespace(index, namespace)
        except (AlreadyExists, NamespaceNotFound, IndexNotFound):
            # It came or went meanwhile, which has a mark of its own.
            return

    async def match_index(self, name: str, *, swept: bool = False) -> None:
        """The index at the second store is there, or not, as at the primary, with its tags and protection. `swept`: it
        may hold records of an index of that name that is gone."""
        ours, theirs = await _described(self.primary, name), await _described(self.secondary, name)
        if theirs and (ours is None or (ours.dimension, ours.metric) != (theirs.dimension, theirs.metric)):
            if theirs.deletion_protection:
                await self.secondary.configure_index(name, deletion_protection=False)
            await self.secondary.drop_index(name)
            theirs = None
        if ours is None:
            return
        if theirs is None:
            await self.secondary.ensure_index(ours)
            return
        if swept:
            for namespace in await self.secondary.count(name):
                await self.sweep(name, namespace)
        tags = _changes(theirs.tags, ours.tags)
        if tags or ours.deletion_protection != theirs.deletion_protection:
            await self.secondary.configure_index(name, tags=tags, deletion_protection=ours.deletion_protection)

    async def _sweep_marked(self, due: Due) -> None:
        chosen = filters.parse(json.loads(due.mark.id)) if due.mark.id else None
        await self.sweep(due.mark.index, due.mark.namespace, chosen)
        await self._journal.clear([due])

    async def _carry(self, index: str, namespace: str, dues: Sequence[Due]) -> None:
        try:
            await self.sync(index, namespace, [due.mark.id for due in dues])
        except StoreError as error:
            if error.retryable:
                raise
            if len(dues) == 1:
                # The others do not wait for it; the move cannot go on until it is stored or gone.
                self.refused = f"{index}/{namespace}/{dues[0].mark.id}: {error.detail}"
                await self._journal.postpone(dues, _LATER_S)
                return
            for due in dues:
                await self._carry(index, namespace, [due])
            return
        await self._journal.clear(dues)


async def _described(store: Store, name: str) -> IndexInfo | None:
    try:
        return await store.describe_index(name)
    except IndexNotFound:
        return None


def _changes(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """Tags to set, and those to remove as empty ones."""
    removed = dict.fromkeys(set(old) - set(new), "")
    return removed | {key: value for key, value in new.items() if old.get(key) != value}
