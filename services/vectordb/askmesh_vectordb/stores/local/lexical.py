"""The full-text index: one FTS5 table named `lexical`, written in the same transaction as the records it mirrors."""

import sqlite3
from collections.abc import Iterator
from typing import Any

from askmesh_vectordb.stores.base import Metadata
from askmesh_vectordb.stores.local.tokens import query_words, words

HEADER_WEIGHT, BODY_WEIGHT = 3.0, 1.0
"""A word in a heading or a signature says more about a passage than one in its body."""


def columns(metadata: Metadata) -> tuple[str, str]:
    """What is searched of a record: the words of its `header` and `text`."""
    return _words_of(metadata.get("header")), _words_of(metadata.get("text"))


def add(connection: sqlite3.Connection, row: int, metadata: Metadata) -> None:
    header, body = columns(metadata)
    if header or body:
        connection.execute("INSERT INTO lexical (rowid, header, body) VALUES (?, ?, ?)", [row, header, body])


def remove(connection: sqlite3.Connection, row: int) -> None:
    connection.execute("DELETE FROM lexical WHERE rowid = ?", [row])


def search(connection: sqlite3.Connection, text: str) -> Iterator[tuple[int, float]]:
    """Rows with their BM25, higher is better, best first. Nothing where the text holds no word."""
    # Words are made of word characters only, so a quoted word can end no quotation: any text is a valid query.
    expression = " OR ".join(f'"{word}"' for word in query_words(text))
    if not expression:
        return
    found = connection.execute(
        "SELECT rowid, -bm25(lexical, ?, ?) AS score FROM lexical WHERE lexical MATCH ? ORDER BY score DESC, rowid",
        [HEADER_WEIGHT, BODY_WEIGHT, expression],
    )
    yield from found


def _words_of(value: Any) -> str:
    return " ".join(words(value)) if isinstance(value, str) else ""
