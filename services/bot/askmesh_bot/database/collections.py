"""Where a collection's records are: the one place that both learning and answering ask."""

import hashlib

from sqlalchemy import select

from askmesh_bot.database.engine import Database
from askmesh_bot.database.models import CollectionRow


def index_name(fingerprint: str) -> str:
    """The index for vectors of one embedding model. Collections share it, each in a namespace of its own."""
    return f"askmesh-{hashlib.sha256(fingerprint.encode()).hexdigest()[:8]}"


class Collections:
    """The collections there are."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, name: str) -> CollectionRow | None:
        """The collection, or None if nothing was ever learned into it."""
        async with self._database.read() as session:
            return await session.get(CollectionRow, name)

    async def list(self) -> list[CollectionRow]:
        """All collections, by name."""
        async with self._database.read() as session:
            return list(await session.scalars(select(CollectionRow).order_by(CollectionRow.name)))

    async def ensure(self, name: str, fingerprint: str) -> CollectionRow:
        """The collection, created for this embedding model if there is none. An existing one keeps its own model:
        compare its `fingerprint`."""
        async with self._database.write() as session:
            row = await session.get(CollectionRow, name)
            if row is None:
                row = CollectionRow(name=name, index=index_name(fingerprint), namespace=name, fingerprint=fingerprint)
                session.add(row)
            return row
