"""One index's tables: what the catalog knows of it, and running statements on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from askmesh_vectordb.stores.base import IndexInfo
from askmesh_vectordb.stores.postgres.schema import Nearness, nearness, tables


@dataclass(frozen=True, slots=True)
class Table:
    number: int
    info: IndexInfo

    @property
    def near(self) -> Nearness:
        return nearness(self.info)

    def sql(self, template: str, **parts: str) -> str:
        """The statement with `{records}`, `{changes}` and the other parts filled in; values go by `%s`."""
        return template.format(**tables(self.number), **parts)

    async def rows(
        self, connection: AsyncConnection, template: str, parameters: Sequence[Any] = (), **parts: str
    ) -> list[tuple[Any, ...]]:
        """Run a statement that answers rows."""
        cursor = await connection.execute(self.sql(template, **parts), parameters, binary=True)
        return await cursor.fetchall()

    async def run(
        self, connection: AsyncConnection, template: str, parameters: Sequence[Any] = (), **parts: str
    ) -> int:
        """Run a statement; how many rows it concerned."""
        cursor = await connection.execute(self.sql(template, **parts), parameters)
        return cursor.rowcount
