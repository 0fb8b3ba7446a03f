"""Lexical indexes that follow a store's log of changes: for a store that several processes, on several hosts, write to.

Each process keeps an index file of its own, with the place in the log up to which it followed. A search first takes in
what changed since, whoever wrote it. Whether the log is read twice, or by two processes that share a file, does not
matter: what is taken in is what the store holds now, and the place is written with it in one transaction.
"""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from askmesh_vectordb.stores.base import Metadata, Store
from askmesh_vectordb.stores.companion import Companion, replace_document
from askmesh_vectordb.stores.companions import Companions

_PAGE = 200


@dataclass(frozen=True, slots=True)
class Change:
    """A record that was written or deleted; where `id` is None, the whole namespace was emptied. `number` is never
    used twice in one log."""

    number: int | str
    namespace: str
    id: str | None


class Log(Protocol):
    """What changed in an index, in an order in which nothing that was acknowledged appears later behind a place."""

    async def end(self, index: str) -> str:
        """The place of what has not happened yet."""

    async def since(self, index: str, place: str) -> tuple[Sequence[Change], str] | None:
        """What changed from a place on, and the place to go on from: changes may be told again from there. None where
        the log does not reach back so far, or is another index's."""


class Follower(Companion):
    """The lexical index of one index."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, lag_s=0.0)
        self.following = asyncio.Lock()
        # Where this process left the file, and what it took in that may be told again from there.
        self.left_at, self.taken = "", frozenset[int | str]()

    async def place(self) -> str | None:
        """How far the log was followed; None in a file that was not filled yet."""

        def read(connection: sqlite3.Connection) -> str | None:
            found = connection.execute("SELECT value FROM state WHERE key = 'place'").fetchone()
            return str(found[0]) if found else None

        return await self._run(read)

    async def begin(self) -> None:
        """Forget everything."""

        def write(connection: sqlite3.Connection) -> None:
            for table in ("documents", "lexical", "pending", "state"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608

        await self._run(write)

    async def take(self, texts: Mapping[str, Mapping[str, Metadata | None]], place: str | None) -> None:
        """Index the texts of records by namespace and id, or forget those that are None; the log is followed so far."""

        def write(connection: sqlite3.Connection) -> None:
            for namespace, records in texts.items():
                for name, metadata in records.items():
                    replace_document(connection, namespace, name, metadata)
            if place is not None:
                connection.execute("INSERT OR REPLACE INTO state VALUES ('place', ?)", [place])

        await self._run(write)

    async def ids(self, namespace: str) -> list[str]:
        """What is indexed of a namespace."""

        def read(connection: sqlite3.Connection) -> list[str]:
            found = connection.execute("SELECT id FROM documents WHERE namespace = ?", [namespace])
            return [name for (name,) in found]

        return await self._run(read)


class Followers(Companions):
    """The lexical indexes of one store."""

    def __init__(self, store: Store, log: Log, folder: Path) -> None:
        super().__init__(store, folder, 0.0)
        self._log = log

    def of(self, index: str) -> Follower:
        follower = self._open.get(index)
        if not isinstance(follower, Follower):
            follower = self._open[index] = Follower(self._folder / f"{index}.lexical.sqlite3")
        return follower

    async def _prepare(self, index: str) -> None:
        await self._apart(self._follow(index, self.of(index)))

    async def _follow(self, index: str, follower: Follower) -> None:
        async with follower.following:
            place = await follower.place()
            told = None if place is None else await self._log.since(index, place)
            if told is None:
                place = await self._log.end(index)
                await follower.begin()
                async for namespace, page in self._everything(index):
                    await follower.take({namespace: {record.id: record.metadata for record in page}}, None)
                await follower.take({}, place)
                told = await self._log.since(index, place)
            if told is not None:
                await self._take(index, follower, place or "", *told)

    async def _take(self, index: str, follower: Follower, place: str, changes: Sequence[Change], onward: str) -> None:
        known = follower.taken if follower.left_at == place else frozenset()
        changed: dict[str, dict[str, None]] = {}
        for change in changes:
            if change.number not in known:
                names = [change.id] if change.id is not None else await follower.ids(change.namespace)
                changed.setdefault(change.namespace, {}).update(dict.fromkeys(names))
        parts = [(namespace, part) for namespace, names in changed.items() for part in _parts(list(names))]
        for number, (namespace, part) in enumerate(parts, start=1):
            found = await self._store.fetch(index, namespace, part)
            texts = {name: found[name].metadata if name in found else None for name in part}
            # The place comes last: what is cut short is told again.
            await follower.take({namespace: texts}, onward if number == len(parts) else None)
        if not parts and onward != place:
            await follower.take({}, onward)
        follower.left_at, follower.taken = onward, frozenset(change.number for change in changes)


def _parts(names: list[str]) -> list[list[str]]:
    return [names[start : start + _PAGE] for start in range(0, len(names), _PAGE)]
