"""Which indexes there are. Each function is part of a transaction."""

from collections.abc import Mapping
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from askmesh_vectordb.stores.base import (
    FINGERPRINT,
    IndexInfo,
    IndexNotFound,
    ProtectedIndex,
    check_same_index,
    merged_tags,
)
from askmesh_vectordb.stores.postgres.schema import create_records
from askmesh_vectordb.stores.postgres.table import Table

_SELECT = "SELECT number, name, dimension, metric, tags, deletion_protection FROM indexes"


async def create(connection: AsyncConnection, wanted: IndexInfo) -> bool:
    """True if it is new. Raises IndexMismatch if it exists and differs."""
    found = await connection.execute(
        "INSERT INTO indexes (name, dimension, metric, tags, deletion_protection) VALUES (%s, %s, %s, %s, %s) "
        "ON CONFLICT (name) DO NOTHING RETURNING number",
        [wanted.name, wanted.dimension, wanted.metric, Jsonb(dict(wanted.tags)), wanted.deletion_protection],
    )
    row = await found.fetchone()
    if row is None:
        check_same_index((await find(connection, wanted.name)).info, wanted)
        return False
    await create_records(connection, row[0], wanted)
    return True


async def find(connection: AsyncConnection, name: str, *, lock: bool = False) -> Table:
    """Raises IndexNotFound. `lock`: until the transaction ends nobody else changes or drops it."""
    query = f"{_SELECT} WHERE name = %s" + (" FOR UPDATE" if lock else "")
    row = await (await connection.execute(query, [name])).fetchone()
    if row is None:
        raise IndexNotFound(name)
    return _table(row)


async def every(connection: AsyncConnection) -> list[IndexInfo]:
    found = await connection.execute(f"{_SELECT} ORDER BY name")
    return [_table(row).info for row in await found.fetchall()]


async def configure(
    connection: AsyncConnection, name: str, tags: Mapping[str, str] | None, deletion_protection: bool | None
) -> IndexInfo:
    table = await find(connection, name, lock=True)
    records = 0
    if FINGERPRINT in (tags or {}):
        # Nobody writes between the look and the change.
        await table.run(connection, "LOCK TABLE {records} IN SHARE MODE")
        ((records,),) = await table.rows(connection, "SELECT count(*) FROM {records}")
    changed = merged_tags(table.info, tags or {}, records)
    protected = table.info.deletion_protection if deletion_protection is None else deletion_protection
    await connection.execute(
        "UPDATE indexes SET tags = %s, deletion_protection = %s WHERE number = %s",
        [Jsonb(changed), protected, table.number],
    )
    return (await find(connection, name)).info


async def drop(connection: AsyncConnection, name: str) -> None:
    table = await find(connection, name, lock=True)
    if table.info.deletion_protection:
        raise ProtectedIndex(f"The index {name!r} is protected.", fix="Set deletion_protection to disabled.")
    # Waits for the writes that run; those that come later find no table.
    await table.run(connection, "DROP TABLE {records}, {changes}")
    await connection.execute("DELETE FROM indexes WHERE number = %s", [table.number])


def _table(row: tuple[Any, ...]) -> Table:
    number, name, dimension, metric, tags, protected = row
    return Table(number, IndexInfo(name, dimension, metric, tags, protected))
