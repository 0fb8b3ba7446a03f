"""What a read answers from an index's table."""

import json
from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from askmesh_vectordb.filters import Filter
from askmesh_vectordb.stores.base import Page, Record, Selection
from askmesh_vectordb.stores.postgres import conditions, writes
from askmesh_vectordb.stores.postgres.table import Table

# The namespaces by leaps through the primary key, instead of a walk over all records.
_NAMESPACES = """
    WITH RECURSIVE leap AS (
        (SELECT namespace FROM {records} ORDER BY namespace LIMIT 1)
        UNION ALL
        SELECT (SELECT namespace FROM {records} WHERE namespace > leap.namespace ORDER BY namespace LIMIT 1)
        FROM leap WHERE leap.namespace IS NOT NULL
    )
    SELECT namespace FROM leap WHERE namespace IS NOT NULL
    UNION SELECT name FROM namespaces WHERE index = %s
"""


async def fetch(connection: AsyncConnection, table: Table, namespace: str, ids: Sequence[str]) -> dict[str, Record]:
    rows = await table.rows(
        connection,
        "SELECT id, embedding, metadata FROM {records} WHERE namespace = %s AND id = ANY (%s)",
        [namespace, list(ids)],
    )
    found = {row[0]: record(row) for row in rows}
    return {name: found[name] for name in ids if name in found}


async def count(connection: AsyncConnection, table: Table, chosen: Filter | None) -> dict[str, int]:
    names = await table.rows(connection, _NAMESPACES, [table.number])
    condition = conditions.where(chosen)
    counts = await table.rows(
        connection,
        "SELECT namespace, count(*) FROM {records} WHERE {chosen} GROUP BY namespace",
        condition.parameters,
        chosen=condition.sql,
    )
    return dict(sorted({**{name: 0 for (name,) in names}, **dict(counts)}.items()))


async def count_selected(connection: AsyncConnection, table: Table, namespace: str, selection: Selection) -> int:
    chosen = writes.selected(selection)
    ((selected,),) = await table.rows(
        connection,
        "SELECT count(*) FROM {records} WHERE namespace = %s AND {chosen}",
        [namespace, *chosen.parameters],
        chosen=chosen.sql,
    )
    return int(selected)


async def scan(
    connection: AsyncConnection,
    table: Table,
    namespace: str,
    *,
    limit: int,
    cursor: str | None,
    prefix: str,
    chosen: Filter | None,
    include_values: bool,
) -> Page[Record]:
    condition = conditions.where(chosen)
    # Above every id that starts with the prefix: no id holds the last code point.
    rows = await table.rows(
        connection,
        "SELECT id, {embedding}, metadata FROM {records} "
        "WHERE namespace = %s AND id > %s AND id >= %s AND id < %s AND {chosen} ORDER BY id LIMIT {limit}",
        [namespace, cursor or "", prefix, prefix + "\U0010ffff", *condition.parameters],
        embedding="embedding" if include_values else "NULL",
        chosen=condition.sql,
        limit=str(limit + 1),
    )
    records = [record(row) for row in rows[:limit]]
    return Page(records, records[-1].id if len(rows) > limit else None)


def record(row: tuple[Any, ...]) -> Record:
    """Of a row of id, embedding and metadata."""
    name, values, text = row
    return Record(name, values, json.loads(text))
