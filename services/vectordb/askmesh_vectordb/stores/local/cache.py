"""Brings the vectors in memory up to date with the file before a search, whoever wrote to it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock

import numpy as np

from askmesh_vectordb.stores.base import IndexNotFound, Metric, StoreDamaged
from askmesh_vectordb.stores.local.blocks import Vectors
from askmesh_vectordb.stores.local.matrix import VectorMatrix
from askmesh_vectordb.stores.local.nearest import Nearest
from askmesh_vectordb.stores.local.rows import checked, existing
from askmesh_vectordb.stores.local.snapshots import Snapshots
from askmesh_vectordb.stores.local.view import Rows, View

_ROWS_PER_STEP = 2048
_ROWS_PER_QUERY = 500
_STATE = """SELECT (SELECT value FROM state WHERE key = 'dropped'), (SELECT id FROM namespaces WHERE name = ?),
    (SELECT value FROM state WHERE key = 'pruned'), (SELECT coalesce(max(row), 0) FROM records),
    (SELECT coalesce(max(seq), 0) FROM tombstones)"""


class VectorCache:
    """The matrices of one index, by namespace number, and the approximate indexes that some of them rest on.

    `limit`: a namespace of at most so many vectors has them in memory as they are.
    """

    def __init__(self, name: str, snapshots: Snapshots, dimension: int, metric: Metric, limit: int) -> None:
        self._name, self._snapshots = name, snapshots
        self._dimension, self._metric, self._limit = dimension, metric, limit
        self._lock = Lock()
        # They outlive a reset: rows do not change, and are read again.
        self._graphs: dict[int, Nearest] = {}
        self._reset()

    def _reset(self) -> None:
        self._matrices: dict[int, VectorMatrix] = {}
        self._last_row = 0
        self._last_death = 0
        # Whether a graph came that the next search has to look at.
        self._adopted = False

    @contextmanager
    def snapshot(
        self, connection: sqlite3.Connection, namespace: str, *, wait: bool = True
    ) -> Iterator[tuple[int, View | None]]:
        """A read transaction, the number of the namespace (0 if there is none) and its vectors as they are in it.
        `wait`: False for none of them where others have the lock, or where changes are to be read. Raises IndexNotFound
        if the index was dropped, by any process."""
        if not self._lock.acquire(blocking=wait):
            yield 0, None
            return
        try:
            # Begun under the lock: each snapshot is at least as new as the one the matrices were last brought to.
            connection.execute("BEGIN")
            try:
                dropped, number, *newest = connection.execute(_STATE, [namespace]).fetchone()
                if existing(dropped):
                    raise IndexNotFound(self._name)
                current = self._is_current(*newest)
                if wait and not current:
                    self._catch_up(connection, newest[0])
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if wait:
                    # Half of a step may be in: start over next time.
                    self._reset()
                raise
            matrix = self._matrices.get(number) if wait or current else None
            view = matrix.view(self._last_death) if matrix else None
        finally:
            self._lock.release()
        try:
            yield number or 0, view
        finally:
            connection.execute("COMMIT")

    def view(self, number: int) -> View | None:
        """A namespace's vectors as they were when they were last brought up to date."""
        with self._lock:
            matrix = self._matrices.get(number)
            return matrix.view(self._last_death) if matrix else None

    def adopt(self, number: int, graph: Nearest) -> None:
        """Rest a namespace's vectors on an approximate index; it stays as it is if the one it rests on has more."""
        with self._lock:
            if (known := self._graphs.get(number)) is None or graph.last_row >= known.last_row:
                self._graphs[number], self._adopted = graph, True
                if matrix := self._matrices.get(number):
                    matrix.rest_on(graph)

    def _is_current(self, pruned: int, last_row: int, last_death: int) -> bool:
        """Whether nothing has changed since the last search, by the newest row and the newest tombstone."""
        return (
            self._last_death >= existing(pruned)
            and 0 < self._last_row >= last_row
            and self._last_death >= last_death
            and not self._adopted
        )

    def _catch_up(self, connection: sqlite3.Connection, pruned: int) -> None:
        """Read what has changed, up to the newest row and the newest tombstone in this transaction."""
        if self._last_death < pruned:
            # Tombstones we have not seen are gone.
            self._reset()
            self._last_death = pruned
        self._adopted = False
        deaths = connection.execute(
            "SELECT seq, namespace, row FROM tombstones WHERE seq > ? ORDER BY seq", [self._last_death]
        )
        for sequence, namespace, row in deaths:
            if matrix := self._matrices.get(namespace):
                matrix.kill(row, sequence)
            self._last_death = sequence
        # After the deaths, so that no more seem alive than are: what has died by now is not among these.
        self._read_rows(connection) if self._last_row else self._read_all(connection)
        for number, matrix in self._matrices.items():
            rounded = matrix.graph is not None or matrix.rounded
            if rounded and (10 * matrix.living < 9 * self._limit or not matrix.even):
                # So few, or of so different lengths, that they are kept as they are again.
                self._graphs.pop(number, None)
                self._matrices[number] = self._read_namespace(connection, number, rounded=False)
            elif matrix.wasteful:
                self._matrices[number] = matrix.compacted()

    def _read_all(self, connection: sqlite3.Connection) -> None:
        """Everything, but for the vectors that an approximate index holds."""
        (last,) = connection.execute("SELECT coalesce(max(row), 0) FROM records").fetchone()
        numbers = connection.execute("SELECT id FROM namespaces WHERE records > 0").fetchall()
        for (number,) in numbers:
            self._matrices[number] = self._read_namespace(connection, number)
        self._last_row = last

    def _read_namespace(self, connection: sqlite3.Connection, number: int, *, rounded: bool = True) -> VectorMatrix:
        """`rounded`: an approximate index may have the vectors, one in memory or in a snapshot, and they may be kept
        as they are to be there."""
        found = connection.execute("SELECT row FROM records WHERE namespace = ?", [number])
        rows = np.sort(np.fromiter((row for (row,) in found), dtype=np.int64))
        graph = self._graphs.get(number)
        if graph is None and rounded and len(rows) > self._limit:
            graph = self._snapshots.restored(number, rows, partial(read_vectors, connection, self._dimension))
        if graph is None:
            matrix, held = VectorMatrix(self._dimension, self._metric, self._limit), 0
        else:
            self._graphs[number] = graph
            held = int(np.searchsorted(rows, graph.last_row, side="right"))
            matrix = VectorMatrix.over(graph, rows[:held], self._limit)
        matrix.limit = 0 if rounded and len(rows) > self._limit else len(rows)
        for start in range(held, len(rows), _ROWS_PER_STEP):
            part = rows[start : start + _ROWS_PER_STEP]
            matrix.append(part, read_vectors(connection, self._dimension, part))
        matrix.limit = self._limit
        return matrix

    def _read_rows(self, connection: sqlite3.Connection) -> None:
        found = connection.execute(
            "SELECT row, namespace, vector, vector_sum FROM records WHERE row > ? ORDER BY row", [self._last_row]
        )
        while step := found.fetchmany(_ROWS_PER_STEP):
            numbers = np.array([namespace for _, namespace, *_ in step])
            rows = np.array([row for row, *_ in step], dtype=np.int64)
            vectors = stacked([checked(*stored) for _, _, *stored in step], self._dimension)
            for number in np.unique(numbers):
                mine = numbers == number
                matrix = self._matrices.setdefault(
                    int(number), VectorMatrix(self._dimension, self._metric, self._limit)
                )
                matrix.append(rows[mine], vectors[mine])
            self._last_row = int(rows[-1])


def read_vectors(connection: sqlite3.Connection, dimension: int, rows: Rows) -> Vectors:
    """The vectors [n, dimension] of rows that are there, ascending."""
    found: list[bytes] = []
    for start in range(0, len(rows), _ROWS_PER_QUERY):
        part = rows[start : start + _ROWS_PER_QUERY].tolist()
        marks = ",".join("?" * len(part))
        query = f"SELECT vector, vector_sum FROM records WHERE row IN ({marks}) ORDER BY row"  # noqa: S608
        found += [checked(vector, expected) for vector, expected in connection.execute(query, part)]
    if len(found) < len(rows):
        raise StoreDamaged("Records that are listed are not there.", fix="Run `askmesh-vectordb check`.")
    return stacked(found, dimension)


def stacked(vectors: list[bytes], dimension: int) -> Vectors:
    try:
        return np.frombuffer(b"".join(vectors), dtype="<f4").reshape(len(vectors), dimension)
    except ValueError as error:
        raise StoreDamaged("A vector has another length than its index.", fix="Restore it from a backup.") from error
