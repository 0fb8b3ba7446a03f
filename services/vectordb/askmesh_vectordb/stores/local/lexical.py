"""The full-text index: one FTS5 table named `lexical`, written in the same transaction as the records it mirrors."""

import sqlite3
from collections.abc import Iterator
from typing import Any

from askmesh_vectordb.stores.base import Metadata
from askmesh_vectordb.stores.local.tokens import query_words, words

HEADER_WEIGHT, BODY_WEIGHT = 3.0, 1.0
"""A word in a heading or a signature says more about a passage than one in its body."""

_FEW_DOCUMENTS = 1000


def columns(metadata: Metadata) -> tuple[str, str]:
    """What is searched of a record: the words of its `header` and `text`."""
    return _words_of(metadata.get("header")), _words_of(metadata.get("text"))


def add(connection: sqlite3.Connection, row: int, metadata: Metadata) -> None:
    header, body = columns(metadata)
    if header or body:
        connection.execute("INSERT INTO lexical (rowid, header, body) VALUES (?, ?, ?)", [row, header, body])


def remove(connection: sqlite3.Connection, row: int) -> None:
    connection.execute("DELETE FROM lexical WHERE rowid = ?", [row])


def search(connection: sqlite3.Connection, text: str, documents: int) -> Iterator[tuple[int, float]]:
    """Rows with their BM25, higher is better, best first; `documents` is about how many there are.

    Nothing where the text holds no word.
    """
    expression = " OR ".join(_telling(connection, query_words(text), documents))
    if not expression:
        return
    found = connection.execute(
        "SELECT rowid, -bm25(lexical, ?, ?) AS score FROM lexical WHERE lexical MATCH ? ORDER BY score DESC, rowid",
        [HEADER_WEIGHT, BODY_WEIGHT, expression],
    )
    yield from found


def _telling(connection: sqlite3.Connection, found: list[str], documents: int) -> list[str]:
    """The words as FTS5 strings, without those that more than half of the documents hold: FTS5 gives them no weight,
    and scoring every document for them is nearly all the time a search takes. All of them, where all are so common.
    """
    # Words are made of word characters only, so a quoted word can end no quotation: any text is a valid query.
    quoted = [f'"{word}"' for word in found]
    if len(quoted) < 2 or documents < _FEW_DOCUMENTS:
        return quoted
    count = "SELECT count(*) FROM lexical WHERE lexical MATCH ?"
    rare = [word for word in quoted if 2 * connection.execute(count, [word]).fetchone()[0] <= documents]
    return rare or quoted


def _words_of(value: Any) -> str:
    return " ".join(words(value)) if isinstance(value, str) else ""
