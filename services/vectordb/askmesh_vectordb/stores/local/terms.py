"""The inverted metadata table: what is written for a record, and which records satisfy a filter.

Every condition becomes a boolean mask over the namespace's rows, so `and`, `or` and `not` are array operations and a
negation costs no more than listing what it excludes.
"""

import hashlib
import sqlite3
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from askmesh_vectordb.filters import Condition, Node, Typed, elements, typed
from askmesh_vectordb.stores.base import Metadata

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]
Term = tuple[str, str, str | float | bool]

_NONE: Rows = np.empty(0, dtype=np.int64)
_LONGEST_STRING = 48
_VALUES_PER_QUERY = 500
_COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def terms_of(metadata: Metadata) -> set[Term]:
    """The (key, type, value) lines of one record. An empty list leaves a line of its own, so that it exists."""
    lines: set[Term] = set()
    for key, value in metadata.items():
        lines.update((key, *_stored(typed(element))) for element in elements(value))
        if value == []:
            lines.add((key, "e", ""))
    return lines


def add(connection: sqlite3.Connection, namespace: int, row: int, metadata: Metadata) -> None:
    lines = [(namespace, *term, row) for term in terms_of(metadata)]
    connection.executemany("INSERT INTO terms (namespace, key, type, value, row) VALUES (?, ?, ?, ?, ?)", lines)


def remove(connection: sqlite3.Connection, namespace: int, row: int, metadata: Metadata) -> None:
    """Take a record's lines out again: they follow from its metadata, so no second index is needed to find them."""
    lines = [(namespace, *term, row) for term in terms_of(metadata)]
    connection.executemany(
        "DELETE FROM terms WHERE namespace = ? AND key = ? AND type = ? AND value = ? AND row = ?", lines
    )


def mask_of(connection: sqlite3.Connection, namespace: int, node: Node, rows: Rows) -> Mask:
    """Which of `rows` (ascending) satisfy the filter."""
    if isinstance(node, Condition):
        mask = np.zeros(len(rows), dtype=np.bool_)
        lookups = _lookups(namespace, node)
        found = np.concatenate([_NONE, *(_rows(connection, where, values) for where, values in lookups)])
        # A row may be newer than `rows`, or dead in it: only exact hits count.
        found = found[found <= rows[-1]] if len(rows) else found[:0]
        places = np.searchsorted(rows, found)
        mask[places[rows[places] == found]] = True
        return ~mask if node.negated else mask
    masks = (mask_of(connection, namespace, part, rows) for part in node.parts)
    combined = next(masks)
    for mask in masks:
        combined = combined & mask if node.needs == "all" else combined | mask
    return combined


def is_narrow(connection: sqlite3.Connection, namespace: int, node: Node, most: int) -> bool:
    """Whether it is quickly seen that at most `most` rows satisfy the filter."""
    if isinstance(node, Condition):
        return not node.negated and _count(connection, namespace, node, most) <= most
    narrow = (is_narrow(connection, namespace, part, most) for part in node.parts)
    return any(narrow) if node.needs == "all" else all(narrow)


def _count(connection: sqlite3.Connection, namespace: int, condition: Condition, most: int) -> int:
    """How many lines there are of it; no further than one above `most`."""
    found = 0
    for where, values in _lookups(namespace, condition):
        query = f"SELECT count(*) FROM (SELECT 1 FROM terms WHERE {where} LIMIT ?)"  # noqa: S608
        found += connection.execute(query, [*values, most + 1 - found]).fetchone()[0]
        if found > most:
            break
    return found


def _lookups(namespace: int, condition: Condition) -> Iterator[tuple[str, list[Any]]]:
    """Parts of the table that hold the rows, some of them perhaps twice: a list may hold several of the values."""
    known: list[Any] = [namespace, condition.field]
    if condition.kind == "exists":
        yield "namespace = ? AND key = ?", known
    elif condition.kind != "in":
        # Lists hold strings only, so a number is never an element: each row appears once.
        where = f"namespace = ? AND key = ? AND type = 'n' AND value {_COMPARISONS[condition.kind]} ?"
        yield where, [*known, condition.values[0][1]]
    else:
        by_type: dict[str, list[str | float | bool]] = {}
        for value in condition.values:
            kind, stored = _stored(value)
            by_type.setdefault(kind, []).append(stored)
        for kind, values in by_type.items():
            for start in range(0, len(values), _VALUES_PER_QUERY):
                part = values[start : start + _VALUES_PER_QUERY]
                marks = ",".join("?" * len(part))
                yield f"namespace = ? AND key = ? AND type = ? AND value IN ({marks})", [*known, kind, *part]


def _rows(connection: sqlite3.Connection, where: str, values: list[Any]) -> Rows:
    # As one text: twice as quick as row by row, where there are many.
    (found,) = connection.execute(f"SELECT group_concat(row) FROM terms WHERE {where}", values).fetchone()  # noqa: S608
    return _NONE if found is None else np.fromstring(found, dtype=np.int64, sep=",")


def _stored(value: Typed) -> tuple[str, str | float | bool]:
    """A typed value as it stands in the table: long strings by their digest, for only equality is asked of them."""
    kind, content = value
    if isinstance(content, str) and len(content) > _LONGEST_STRING:
        return "h", hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
    return kind, content
