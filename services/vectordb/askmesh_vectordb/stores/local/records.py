"""What a search reads of the records that may be its answer: each once, to score it and to answer with it."""

import sqlite3

from askmesh_vectordb.stores.local.blocks import Vectors
from askmesh_vectordb.stores.local.cache import read_vectors, stacked
from askmesh_vectordb.stores.local.rows import checked, existing
from askmesh_vectordb.stores.local.view import Rows

_FEW = 64
"""Of so many the whole records are kept; of more, which an exact search over like vectors may want, the vectors only."""

Stored = tuple[str, bytes | None, int | None, str, int | None]
"""Id, vector, its checksum, metadata, the checksum of both texts."""


class Records:
    """By row number, in one read transaction."""

    def __init__(self, connection: sqlite3.Connection, dimension: int = 0) -> None:
        self._connection, self._dimension = connection, dimension
        self._known: dict[int, Stored] = {}

    def vectors(self, rows: Rows) -> Vectors:
        """[n, dimension], of ascending rows. Raises StoreDamaged where one is not there, or not what was written."""
        if len(rows) > _FEW:
            return read_vectors(self._connection, self._dimension, rows)
        wanted = rows.tolist()
        # Lists of few lengths, so that most often SQLite knows the statement already.
        wanted += wanted[-1:] * (-len(wanted) % 4)
        query = (
            "SELECT row, id, vector, vector_sum, metadata, text_sum FROM records "  # noqa: S608
            f"WHERE row IN ({','.join('?' * len(wanted))}) ORDER BY row"
        )
        vectors = []
        for row, name, vector, vector_sum, text, text_sum in self._connection.execute(query, wanted):
            vectors.append(checked(vector, vector_sum))
            self._known[row] = name, vector, vector_sum, text, text_sum
        if len(vectors) < len(rows):
            existing(None)
        return stacked(vectors, self._dimension)

    def stored(self, row: int, *, with_vector: bool) -> Stored:
        """A record that is there."""
        if known := self._known.get(row):
            return known
        query = (
            f"SELECT id, {'vector' if with_vector else 'NULL'}, vector_sum, metadata, text_sum "  # noqa: S608
            "FROM records WHERE row = ?"
        )
        found: Stored = existing(self._connection.execute(query, [row]).fetchone())
        return found
