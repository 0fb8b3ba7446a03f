"""Brings the vectors in memory up to date with the file before a search, whoever wrote to it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import numpy as np

from askmesh_vectordb.stores.base import Metric
from askmesh_vectordb.stores.local.matrix import VectorMatrix, View

_ROWS_PER_STEP = 2048


class VectorCache:
    """The matrices of one index, by namespace number."""

    def __init__(self, dimension: int, metric: Metric) -> None:
        self._dimension, self._metric = dimension, metric
        self._lock = Lock()
        self._reset()

    def _reset(self) -> None:
        self._matrices: dict[int, VectorMatrix] = {}
        self._last_row = 0
        self._last_death = 0

    @contextmanager
    def snapshot(self, connection: sqlite3.Connection, namespace: str) -> Iterator[tuple[int, View | None]]:
        """A read transaction, the number of the namespace (0 if there is none) and its vectors as they are in it."""
        with self._lock:
            # Begun under the lock: each snapshot is at least as new as the one the matrices were last brought to.
            connection.execute("BEGIN")
            try:
                self._catch_up(connection)
                found = connection.execute("SELECT id FROM namespaces WHERE name = ?", [namespace]).fetchone()
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                # Half of a step may be in: start over next time.
                self._reset()
                raise
            number = found[0] if found else 0
            matrix = self._matrices.get(number)
            view = matrix.view(self._last_death) if matrix else None
        try:
            yield number, view
        finally:
            connection.execute("COMMIT")

    def _catch_up(self, connection: sqlite3.Connection) -> None:
        (pruned,) = connection.execute("SELECT value FROM state WHERE key = 'pruned'").fetchone()
        if self._last_death < pruned:
            # Tombstones we have not seen are gone.
            self._reset()
            self._last_death = pruned
        self._read_rows(connection)
        deaths = connection.execute(
            "SELECT seq, namespace, row FROM tombstones WHERE seq > ? ORDER BY seq", [self._last_death]
        )
        for sequence, namespace, row in deaths:
            if matrix := self._matrices.get(namespace):
                matrix.kill(row, sequence)
            self._last_death = sequence
        for number, matrix in self._matrices.items():
            if matrix.wasteful:
                self._matrices[number] = matrix.compacted()

    def _read_rows(self, connection: sqlite3.Connection) -> None:
        found = connection.execute(
            "SELECT row, namespace, vector FROM records WHERE row > ? ORDER BY row", [self._last_row]
        )
        while step := found.fetchmany(_ROWS_PER_STEP):
            numbers = np.array([namespace for _, namespace, _ in step])
            rows = np.array([row for row, _, _ in step], dtype=np.int64)
            vectors = np.frombuffer(b"".join(vector for _, _, vector in step), dtype="<f4")
            vectors = vectors.reshape(len(step), self._dimension)
            for number in np.unique(numbers):
                mine = numbers == number
                matrix = self._matrices.setdefault(int(number), VectorMatrix(self._dimension, self._metric))
                matrix.append(rows[mine], vectors[mine])
            self._last_row = int(rows[-1])
