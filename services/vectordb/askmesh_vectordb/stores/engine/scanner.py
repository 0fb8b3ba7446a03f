"""A namespace's records in id order, page by page, out of a listing of its ids."""

import json

from askmesh_vectordb.filters import Filter
from askmesh_vectordb.stores.base import Page, Record
from askmesh_vectordb.stores.engine.base import VectorEngine
from askmesh_vectordb.stores.engine.listing import Listings, after

_PAGE = 500
"""Records read at a time."""


class Scanner:
    """Reads every record it answers with, for what is listed may be gone."""

    def __init__(self, engine: VectorEngine, listings: Listings) -> None:
        self._engine, self._listings = engine, listings

    async def page(
        self, index: str, namespace: str, limit: int, cursor: str | None, prefix: str, chosen: Filter | None
    ) -> Page[Record]:
        await self._engine.known(index)
        weak = chosen is not None and not self._engine.exact(index, chosen)
        ids = await self._ids(index, namespace, chosen, begun=cursor is not None)
        left = after(ids, cursor, prefix)
        found: list[Record] = []
        while left and len(found) < limit:
            size = _PAGE if weak else min(_PAGE, limit - len(found))
            part = ids[left.start : left[:size].stop]
            records = await self._engine.read(index, namespace, part)
            kept = [records[name] for name in part if name in records]
            found += [record for record in kept if chosen is None or chosen.matches(record.metadata)]
            # Looked up again, for ids may have come meanwhile.
            cursor, left = part[-1], after(ids, part[-1], prefix)
        if len(found) > limit:
            return Page(found[:limit], found[limit - 1].id)
        return Page(found, cursor if left else None)

    async def _ids(self, index: str, namespace: str, chosen: Filter | None, *, begun: bool) -> list[str]:
        """In order; those of the first page where a listing has begun, and they are not forgotten."""
        key = index, namespace, json.dumps(chosen.json) if chosen else ""
        kept = self._listings.find(key) if begun else None
        return kept or self._listings.keep(key, sorted(await self._engine.ids(index, namespace, chosen)))
