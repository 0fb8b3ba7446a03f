"""What a write transaction does to the tables: records, inverted metadata, full text, tombstones and counts together."""

import json
import sqlite3
from collections.abc import Iterable, Sequence

import numpy as np

from askmesh_vectordb.filters import Filter
from askmesh_vectordb.stores.base import AlreadyExists, Metadata, NamespaceNotFound, Record, Selection, Vector
from askmesh_vectordb.stores.local import lexical, terms
from askmesh_vectordb.stores.local.rows import dump, encode, existing, text_sum, vector_sum

_TOMBSTONES_KEPT = 50_000
_IDS_PER_QUERY = 500
_Row = tuple[int, str, str]


def upsert(connection: sqlite3.Connection, namespace: str, records: Sequence[Record]) -> None:
    latest = {record.id: record for record in records}
    number = _namespace(connection, namespace)
    _remove(connection, number, rows_by_id(connection, number, list(latest)))
    for record in latest.values():
        assert record.values is not None
        _insert(connection, number, record.id, encode(record.values), record.metadata)
    _count(connection, number, len(latest))
    _prune(connection)


def update(
    connection: sqlite3.Connection,
    namespace: str,
    selection: Selection,
    values: Vector | None,
    set_metadata: Metadata | None,
    dry_run: bool,
) -> int:
    number = find_namespace(connection, namespace)
    chosen = list(select(connection, number, selection)) if number else []
    if dry_run:
        return len(chosen)
    kept = False
    for row, name, text in chosen:
        old: Metadata = json.loads(text)
        new = old | (set_metadata or {})
        if values is not None:
            _remove(connection, number, [(row, name, text)])
            _insert(connection, number, name, encode(values), new)
            _count(connection, number, 1)
        elif new != old or json.dumps(new) != json.dumps(old):
            # The vector stays where it is, so the row does too.
            _unlist(connection, number, row, old)
            fresh = dump(new)
            change = "UPDATE records SET metadata = ?, text_sum = ? WHERE row = ?"
            connection.execute(change, [fresh, text_sum(name, fresh), row])
            _enlist(connection, number, row, new)
            kept = True
    if kept:
        note_change(connection)
        _prune(connection)
    return len(chosen)


def delete(connection: sqlite3.Connection, namespace: str, selection: Selection) -> None:
    if number := find_namespace(connection, namespace):
        if selection.everything:
            _clear(connection, number)
        else:
            _remove(connection, number, select(connection, number, selection))
        _prune(connection)


def note_change(connection: sqlite3.Connection) -> None:
    """Have every process that serves the file forget what it knows of filters, though no row comes or goes: a tombstone
    of none."""
    connection.execute("INSERT INTO tombstones (namespace, row) VALUES (0, 0)")


def have_all_read_again(connection: sqlite3.Connection) -> None:
    """Have every process that serves the file read all of it anew."""
    note_change(connection)
    connection.execute("UPDATE state SET value = (SELECT max(seq) FROM tombstones) WHERE key = 'pruned'")


def create_namespace(connection: sqlite3.Connection, namespace: str) -> None:
    if number := find_namespace(connection, namespace):
        (known,) = connection.execute("SELECT explicit OR records FROM namespaces WHERE id = ?", [number]).fetchone()
        if known:
            raise AlreadyExists(f"The namespace {namespace!r} exists already.")
    connection.execute("UPDATE namespaces SET explicit = 1 WHERE id = ?", [_namespace(connection, namespace)])


def drop_namespace(connection: sqlite3.Connection, namespace: str) -> None:
    number = find_namespace(connection, namespace)
    known = (
        number
        and connection.execute("SELECT 1 FROM namespaces WHERE id = ? AND (explicit OR records)", [number]).fetchone()
    )
    if not known:
        raise NamespaceNotFound(f"There is no namespace {namespace!r}.")
    _clear(connection, number)
    # The number stays, with its tombstones; only the name is given up.
    connection.execute("UPDATE namespaces SET explicit = 0 WHERE id = ?", [number])
    _prune(connection)


def find_namespace(connection: sqlite3.Connection, namespace: str) -> int:
    """The namespace's number; 0 if there is none."""
    found = connection.execute("SELECT id FROM namespaces WHERE name = ?", [namespace]).fetchone()
    return int(found[0]) if found else 0


def rows_by_id(connection: sqlite3.Connection, number: int, ids: Sequence[str]) -> list[_Row]:
    rows: list[_Row] = []
    for start in range(0, len(ids), _IDS_PER_QUERY):
        part = ids[start : start + _IDS_PER_QUERY]
        rows += connection.execute(
            "SELECT row, id, metadata FROM records "  # noqa: S608
            f"WHERE namespace = ? AND id IN ({','.join('?' * len(part))})",
            [number, *part],
        )
    return rows


def rows_by_filter(connection: sqlite3.Connection, number: int, chosen: Filter) -> "np.typing.NDArray[np.int64]":
    """Row numbers of the records that satisfy a filter, ascending."""
    found = connection.execute("SELECT row FROM records WHERE namespace = ? ORDER BY row", [number])
    rows = np.fromiter((row for (row,) in found), dtype=np.int64)
    return rows[terms.mask_of(connection, number, chosen.root, rows)]


def select(connection: sqlite3.Connection, number: int, selection: Selection) -> Iterable[_Row]:
    """The records a selection means."""
    if selection.ids is not None:
        rows = rows_by_id(connection, number, list(dict.fromkeys(selection.ids)))
        chosen = selection.filter
        return rows if chosen is None else [item for item in rows if chosen.matches(json.loads(item[2]))]
    if selection.filter is not None:
        query = "SELECT row, id, metadata FROM records WHERE row = ?"
        numbers = rows_by_filter(connection, number, selection.filter).tolist()
        return [existing(connection.execute(query, [row]).fetchone()) for row in numbers]
    return connection.execute("SELECT row, id, metadata FROM records WHERE namespace = ?", [number])


def _namespace(connection: sqlite3.Connection, namespace: str) -> int:
    connection.execute("INSERT OR IGNORE INTO namespaces (name) VALUES (?)", [namespace])
    return find_namespace(connection, namespace)


def _insert(connection: sqlite3.Connection, number: int, name: str, vector: bytes, metadata: Metadata) -> None:
    text = dump(metadata)
    row = connection.execute(
        "INSERT INTO records (namespace, id, vector, metadata, vector_sum, text_sum) VALUES (?, ?, ?, ?, ?, ?)",
        [number, name, vector, text, vector_sum(vector), text_sum(name, text)],
    ).lastrowid
    assert row is not None
    _enlist(connection, number, row, metadata)


def _enlist(connection: sqlite3.Connection, number: int, row: int, metadata: Metadata) -> None:
    terms.add(connection, number, row, metadata)
    lexical.add(connection, row, metadata)


def _unlist(connection: sqlite3.Connection, number: int, row: int, metadata: Metadata) -> None:
    terms.remove(connection, number, row, metadata)
    lexical.remove(connection, row)


def _remove(connection: sqlite3.Connection, number: int, rows: Iterable[_Row]) -> None:
    removed = 0
    for row, _, text in rows:
        _unlist(connection, number, row, json.loads(text))
        connection.execute("DELETE FROM records WHERE row = ?", [row])
        connection.execute("INSERT INTO tombstones (namespace, row) VALUES (?, ?)", [number, row])
        removed += 1
    _count(connection, number, -removed)


def _clear(connection: sqlite3.Connection, number: int) -> None:
    """All records of a namespace, in a few statements."""
    mine = "SELECT row FROM records WHERE namespace = ?"
    connection.execute(f"DELETE FROM lexical WHERE rowid IN ({mine})", [number])  # noqa: S608
    connection.execute("DELETE FROM terms WHERE namespace = ?", [number])
    connection.execute(
        "INSERT INTO tombstones (namespace, row) SELECT namespace, row FROM records WHERE namespace = ?", [number]
    )
    connection.execute("DELETE FROM records WHERE namespace = ?", [number])
    connection.execute("UPDATE namespaces SET records = 0 WHERE id = ?", [number])


def _count(connection: sqlite3.Connection, number: int, change: int) -> None:
    connection.execute("UPDATE namespaces SET records = records + ? WHERE id = ?", [change, number])


def _prune(connection: sqlite3.Connection) -> None:
    """Forget old tombstones. A process that has not seen them by then reads the whole file again."""
    first, last = connection.execute("SELECT coalesce(min(seq), 0), coalesce(max(seq), 0) FROM tombstones").fetchone()
    if last - first < 2 * _TOMBSTONES_KEPT:
        return
    upto = last - _TOMBSTONES_KEPT
    connection.execute("DELETE FROM tombstones WHERE seq <= ?", [upto])
    connection.execute("UPDATE state SET value = ? WHERE key = 'pruned'", [upto])
