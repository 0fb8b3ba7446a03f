"""What a write does to an index's table. Each function is part of a transaction."""

import json
from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from askmesh_vectordb.stores.base import AlreadyExists, Metadata, NamespaceNotFound, Record, Selection, Vector
from askmesh_vectordb.stores.companions import SEARCHED_FIELDS
from askmesh_vectordb.stores.postgres import conditions, log
from askmesh_vectordb.stores.postgres.conditions import Where
from askmesh_vectordb.stores.postgres.table import Table
from askmesh_vectordb.stores.postgres.vectors import Embedding

_PAGE = 500
"""Records that an update by filter holds in memory at a time."""


async def upsert(connection: AsyncConnection, table: Table, namespace: str, records: Sequence[Record]) -> None:
    latest = {record.id: record for record in records}
    rows = []
    # In the order of ids, as every write: so two of them wait for each other instead of forever.
    for name in sorted(latest):
        record = latest[name]
        assert record.values is not None
        rows.append((namespace, name, Embedding(record.values), *_both_forms(record.metadata)))
    insert = table.sql(
        "INSERT INTO {records} (namespace, id, embedding, facts, metadata) VALUES (%s, %s, %s, %s::jsonb, %s) "
        "ON CONFLICT (namespace, id) DO UPDATE "
        "SET embedding = excluded.embedding, facts = excluded.facts, metadata = excluded.metadata"
    )
    async with connection.cursor() as cursor:
        await cursor.executemany(insert, rows)
    await log.note(connection, table, namespace, sorted(latest))


async def update(
    connection: AsyncConnection,
    table: Table,
    namespace: str,
    selection: Selection,
    values: Vector | None,
    set_metadata: Metadata | None,
) -> int:
    """How many were selected and changed."""
    chosen = selected(selection)
    done, last = 0, ""
    while True:
        page = await table.rows(
            connection,
            "SELECT id, metadata FROM {records} WHERE namespace = %s AND id > %s AND {chosen} "
            "ORDER BY id LIMIT {limit} FOR UPDATE",
            [namespace, last, *chosen.parameters],
            chosen=chosen.sql,
            limit=str(_PAGE),
        )
        await _change(connection, table, namespace, page, values, set_metadata or {})
        if SEARCHED_FIELDS & set(set_metadata or {}):
            await log.note(connection, table, namespace, [name for name, _ in page])
        done += len(page)
        if len(page) < _PAGE:
            return done
        last = page[-1][0]


async def delete(connection: AsyncConnection, table: Table, namespace: str, selection: Selection) -> int:
    """How many are gone."""
    chosen = selected(selection)
    gone = await table.rows(
        connection,
        "WITH locked AS MATERIALIZED ("
        "  SELECT id FROM {records} WHERE namespace = %s AND {chosen} ORDER BY id FOR UPDATE"
        ") DELETE FROM {records} WHERE namespace = %s AND id IN (SELECT id FROM locked) RETURNING id",
        [namespace, *chosen.parameters, namespace],
        chosen=chosen.sql,
    )
    whole = selection.everything and selection.filter is None and selection.ids is None
    await log.note(connection, table, namespace, [None] if whole and gone else [name for (name,) in gone])
    return len(gone)


async def create_namespace(connection: AsyncConnection, table: Table, namespace: str) -> None:
    held = await table.rows(connection, "SELECT 1 FROM {records} WHERE namespace = %s LIMIT 1", [namespace])
    insert = "INSERT INTO namespaces VALUES (%s, %s) ON CONFLICT DO NOTHING"
    if held or not await table.run(connection, insert, [table.number, namespace]):
        raise AlreadyExists(f"The namespace {namespace!r} exists already.")


async def drop_namespace(connection: AsyncConnection, table: Table, namespace: str) -> None:
    forget = "DELETE FROM namespaces WHERE index = %s AND name = %s"
    known = await table.run(connection, forget, [table.number, namespace])
    gone = await delete(connection, table, namespace, Selection(everything=True))
    if not known and not gone:
        raise NamespaceNotFound(f"There is no namespace {namespace!r}.")


def selected(selection: Selection) -> Where:
    """What a selection means, as a condition."""
    chosen = conditions.where(selection.filter)
    if selection.ids is not None:
        return Where(f"id = ANY (%s) AND {chosen.sql}", (list(selection.ids), *chosen.parameters))
    if selection.filter is None and not selection.everything:
        return Where("false")
    return chosen


async def _change(
    connection: AsyncConnection,
    table: Table,
    namespace: str,
    page: Sequence[tuple[Any, ...]],
    values: Vector | None,
    changes: Metadata,
) -> None:
    rows = [(*_both_forms(json.loads(text) | changes), namespace, name) for name, text in page]
    async with connection.cursor() as cursor:
        if changes:
            change = "UPDATE {records} SET facts = %s::jsonb, metadata = %s WHERE namespace = %s AND id = %s"
            await cursor.executemany(table.sql(change), rows)
        if values is not None:
            replace = "UPDATE {records} SET embedding = %s WHERE namespace = %s AND id = %s"
            await cursor.executemany(table.sql(replace), [(Embedding(values), namespace, name) for name, _ in page])


def _both_forms(metadata: Metadata) -> tuple[str, str]:
    """The facts that filters look at, and the metadata to the letter."""
    return conditions.facts(metadata), json.dumps(metadata, allow_nan=False, separators=(",", ":"))
