"""What a read transaction answers."""

import sqlite3
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from askmesh_vectordb.filters import Condition, Filter, Node
from askmesh_vectordb.stores.base import Match, Page, Query, Record, Vector
from askmesh_vectordb.stores.local import lexical, planner, terms, writes
from askmesh_vectordb.stores.local.records import Records
from askmesh_vectordb.stores.local.rows import decode, existing, parse
from askmesh_vectordb.stores.local.view import Mask, View

M = TypeVar("M", Mask, None)

_SCAN_STEP = 256
_FEW_VALUES = 16
_FEW_ROWS = 3000
"""So many are listed in less time than some dozen records are asked one by one."""
_KNOWN_FILTERS = 8
_UNKNOWN = object()


def query(
    connection: sqlite3.Connection,
    number: int,
    view: View | None,
    exact_limit: int,
    wanted: Query,
) -> list[Match]:
    vector = wanted.vector if wanted.vector is not None else _vector_of(connection, number, wanted.id or "")
    if view is None or vector is None or not len(view.rows):
        return []
    records = Records(connection, len(vector))
    found, allowed = None, None
    if wanted.filter:
        root = wanted.filter.root
        if _is_quick(root) and _is_wide(connection, number, view, root):
            satisfying = partial(_satisfying, connection, wanted.filter)
            found = planner.ask(view, vector, wanted.top_k, satisfying, exact_limit=exact_limit, read=records.vectors)
        if found is None:
            allowed = _mask(connection, number, view, root)
    places, scores = found or planner.search(
        view, vector, wanted.top_k, allowed, exact_limit=exact_limit, read=records.vectors
    )
    pairs = zip(view.rows[places].tolist(), scores.tolist(), strict=True)
    return _matches(records, pairs, wanted.top_k, wanted.include_values, wanted.include_metadata)


def search_text(
    connection: sqlite3.Connection,
    number: int,
    view: View | None,
    text: str,
    top_k: int,
    chosen: Filter | None,
    include_metadata: bool,
) -> list[Match]:
    if view is None or not len(view.rows):
        return []
    allowed = view.alive if view.alive is not None else np.ones(len(view.rows), np.bool_)
    if chosen:
        allowed = allowed & _mask(connection, number, view, chosen.root)
    pairs: list[tuple[int, float]] = []
    (documents,) = connection.execute("SELECT coalesce(sum(records), 0) FROM namespaces").fetchone()
    for row, score in lexical.search(connection, text, documents):
        # All that share the last place are taken: which of them stay is for the ids to decide.
        if len(pairs) >= top_k and score < pairs[top_k - 1][1]:
            break
        place = int(np.searchsorted(view.rows, row))
        if place < len(view.rows) and view.rows[place] == row and allowed[place]:
            pairs.append((row, score))
    return _matches(Records(connection), pairs, top_k, False, include_metadata)


def fetch(connection: sqlite3.Connection, number: int, ids: Sequence[str]) -> dict[str, Record]:
    found: dict[str, Record] = {}
    for name in dict.fromkeys(ids):
        row = connection.execute(
            "SELECT vector, vector_sum, metadata, text_sum FROM records WHERE namespace = ? AND id = ?", [number, name]
        ).fetchone()
        if row:
            found[name] = Record(name, decode(row[0], row[1]), parse(name, row[2], row[3]))
    return found


def count(connection: sqlite3.Connection, chosen: Filter | None) -> dict[str, int]:
    known = connection.execute("SELECT id, name, records FROM namespaces WHERE records OR explicit ORDER BY name")
    if chosen is None:
        return {name: records for _, name, records in known}
    return {name: len(writes.rows_by_filter(connection, number, chosen)) for number, name, _ in known.fetchall()}


def scan(
    connection: sqlite3.Connection,
    number: int,
    *,
    limit: int,
    cursor: str | None,
    prefix: str,
    chosen: Filter | None,
    include_values: bool,
) -> Page[Record]:
    wanted = set(writes.rows_by_filter(connection, number, chosen).tolist()) if chosen else None
    # Above every id that starts with the prefix: no id holds the last code point.
    found = connection.execute(
        f"SELECT row, id, {'vector' if include_values else 'NULL'}, vector_sum, metadata, text_sum FROM records "  # noqa: S608
        "WHERE namespace = ? AND id > ? AND id >= ? AND id < ? ORDER BY id",
        [number, cursor or "", prefix, prefix + "\U0010ffff"],
    )
    records: list[Record] = []
    while step := found.fetchmany(min(_SCAN_STEP, limit + 1)):
        for row, name, vector, vector_sum, text, text_sum in step:
            if wanted is not None and row not in wanted:
                continue
            if len(records) == limit:
                return Page(records, records[-1].id)
            values = decode(vector, vector_sum) if include_values else None
            records.append(Record(name, values, parse(name, text, text_sum)))
    return Page(records)


def _mask(connection: sqlite3.Connection, number: int, view: View, root: Node) -> Mask:
    """Which rows of the view satisfy a filter. The same few filters come again and again, an audience's with every
    search: what was looked up holds until something is written."""
    known = view.masks.get(root)
    return _noted(view, root, terms.mask_of(connection, number, root, view.rows)) if known is None else known


def _is_wide(connection: sqlite3.Connection, number: int, view: View, root: Node) -> bool:
    """Whether too many satisfy a filter to list them, and they are not listed yet."""
    known = view.masks.get(root, _UNKNOWN)
    if known is _UNKNOWN:
        wide = not terms.is_narrow(connection, number, root, _FEW_ROWS)
        if wide:
            _noted(view, root, None)
        return wide
    return known is None


def _noted(view: View, root: Node, known: M) -> M:
    if len(view.masks) >= _KNOWN_FILTERS:
        view.masks.clear()
    view.masks[root] = known
    return known


def _is_quick(node: Node) -> bool:
    """Whether a record can be asked in a moment: its values are compared one by one."""
    if isinstance(node, Condition):
        return len(node.values) <= _FEW_VALUES
    return len(node.parts) <= _FEW_VALUES and all(_is_quick(part) for part in node.parts)


def _satisfying(connection: sqlite3.Connection, chosen: Filter, rows: Sequence[int]) -> set[int]:
    """Which of some rows satisfy a filter, by what their records say."""
    marks = ",".join("?" * len(rows))
    query = f"SELECT row, id, metadata, text_sum FROM records WHERE row IN ({marks})"  # noqa: S608
    found = connection.execute(query, rows).fetchall()
    if len(found) < len(rows):
        existing(None)
    return {row for row, *stored in found if chosen.matches(parse(*stored))}


def _vector_of(connection: sqlite3.Connection, number: int, name: str) -> Vector | None:
    record = fetch(connection, number, [name]).get(name)
    return record.values if record else None


def _matches(
    records: Records,
    pairs: Iterable[tuple[int, float]],
    top_k: int,
    include_values: bool,
    include_metadata: bool,
) -> list[Match]:
    """The best `top_k` of rows and scores, ties by id, with what is asked for."""
    found = [(score, records.stored(row, with_vector=include_values)) for row, score in pairs]
    found.sort(key=lambda item: (-item[0], item[1][0]))
    matches = []
    for score, (name, vector, vector_sum, text, text_sum) in found[:top_k]:
        metadata = parse(name, text, text_sum)
        values = decode(vector or b"", vector_sum) if include_values else None
        matches.append(Match(name, score, values, metadata if include_metadata else None))
    return matches
