"""The log of an index's changes, which the lexical indexes of all processes follow.

Numbers are given out before they are committed, so they are no order to follow: a smaller one may appear after a larger
one. What a reader did not see is of transactions that had not ended when it looked, and all those have numbers from
the snapshot's `xmin` on. So the place to go on from is that `xmin`, and what was seen from there on is told again.
"""

from collections.abc import Sequence

from psycopg import AsyncConnection

from askmesh_vectordb.stores.base import IndexNotFound
from askmesh_vectordb.stores.followers import Change
from askmesh_vectordb.stores.postgres.table import Table

_KEPT = 100_000
"""Changes that the log keeps, about."""
_PRUNED_EVERY = 10_000

_HORIZON = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"


async def note(connection: AsyncConnection, table: Table, namespace: str, ids: Sequence[str | None]) -> None:
    """Write down what this transaction changed; None stands for all of the namespace."""
    if not ids:
        return
    numbers = await table.rows(
        connection,
        "INSERT INTO {changes} (namespace, id) SELECT %s, unnest(%s::text[]) RETURNING number",
        [namespace, list(ids)],
    )
    last = max(number for (number,) in numbers)
    if last // _PRUNED_EVERY != (last - len(ids)) // _PRUNED_EVERY:
        await table.run(
            connection,
            "WITH gone AS (DELETE FROM {changes} WHERE number <= %s RETURNING transaction) "
            "UPDATE indexes SET log_begins = greatest(log_begins, (SELECT max(transaction) + 1 FROM gone)) "
            "WHERE number = %s",
            [last - _KEPT, table.number],
        )


async def end(connection: AsyncConnection, table: Table) -> str:
    ask = "SELECT uid::text, {horizon} FROM indexes WHERE number = %s"
    rows = await table.rows(connection, ask, [table.number], horizon=_HORIZON)
    if not rows:
        raise IndexNotFound(table.info.name)
    return _place(*rows[0])


async def since(connection: AsyncConnection, table: Table, place: str) -> tuple[list[Change], str] | None:
    """None where the place is another index's, or of before the log begins, or of a server that was set back."""
    uid, _, after = place.partition(":")
    rows = await table.rows(
        connection,
        "SELECT uid::text, log_begins, {horizon}, changes.number, namespace, id FROM indexes "
        "LEFT JOIN {changes} changes ON transaction >= %s WHERE indexes.number = %s ORDER BY changes.number",
        [int(after), table.number],
        horizon=_HORIZON,
    )
    if not rows:
        return None
    known, begins, horizon = rows[0][:3]
    if known != uid or not begins <= int(after) <= horizon:
        return None
    changes = [Change(number, namespace, name) for *_, number, namespace, name in rows if number is not None]
    return changes, _place(known, horizon)


def _place(uid: str, horizon: int) -> str:
    return f"{uid}:{horizon}"
