"""An approximate nearest neighbour index (HNSW, by usearch) over the rows of one namespace: derived and disposable.

It answers with row numbers only: whether a row is alive and satisfies the filter, and its score, is for the vectors in
memory to say. Searches share a gate; an addition, of few vectors at a time, has it alone.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition
from typing import Any

import numpy as np
from numpy.typing import NDArray

from askmesh_vectordb.stores.base import Metric

CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH = 16, 128, 128
METRICS: dict[Metric, tuple[str, str]] = {"cosine": ("ip", "f16"), "euclidean": ("l2sq", "f32")}
"""usearch's metric and number type. Half precision is enough to find unit vectors, which are scored anew, but has too
small a range for others; by dot product of vectors of any length a graph finds too little."""

_MOST_AT_ONCE = 64
_LONGEST_ADDITION_S = 0.01


class _Gate:
    """Many may read at once, or one write; a writer lets every reader that waits go first."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._waiting, self._readers, self._writing = 0, 0, False

    @contextmanager
    def reading(self) -> Iterator[None]:
        with self._changed:
            self._waiting += 1
            while self._writing:
                self._changed.wait()
            self._waiting -= 1
            self._readers += 1
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    @contextmanager
    def writing(self) -> Iterator[None]:
        with self._changed:
            while self._writing or self._readers or self._waiting:
                self._changed.wait()
            self._writing = True
        try:
            yield
        finally:
            with self._changed:
                self._writing = False
                self._changed.notify_all()


class Nearest:
    """Holds every row up to `last_row` that was alive when it was added."""

    def __init__(self, dimension: int, metric: Metric) -> None:
        # Loaded when first needed: most stores are small.
        from usearch.index import Index

        name, dtype = METRICS[metric]
        self._index: Any = Index(
            ndim=dimension,
            metric=name,
            dtype=dtype,
            connectivity=CONNECTIVITY,
            expansion_add=EXPANSION_ADD,
            expansion_search=EXPANSION_SEARCH,
        )
        self._gate = _Gate()
        self._at_once = _MOST_AT_ONCE
        self.last_row = 0

    def __len__(self) -> int:
        return len(self._index)

    def search(self, query: NDArray[np.float32], most: int) -> NDArray[np.int64]:
        """Row numbers near a vector, at most `most`."""
        with self._gate.reading():
            keys = self._index.search(query, most, threads=1).keys
        return np.asarray(keys, dtype=np.int64)

    def add(self, rows: NDArray[np.int64], vectors: NDArray[np.float32]) -> int:
        """Add as many of these rows, ascending and above `last_row`, as take about 10 ms; how many those were."""
        count = min(len(rows), self._at_once)
        with self._gate.writing():
            began = time.perf_counter()
            self._index.add(rows[:count].astype(np.uint64), vectors[:count], threads=1)
            taken = time.perf_counter() - began
            self.last_row = int(rows[count - 1])
        if taken > _LONGEST_ADDITION_S:
            self._at_once = max(1, self._at_once // 2)
        elif 2 * taken < _LONGEST_ADDITION_S:
            self._at_once = min(_MOST_AT_ONCE, 2 * self._at_once)
        return count

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors under row numbers, as they were rounded; NaN where there is none."""
        with self._gate.reading():
            found = [self._index.get(int(row)) for row in rows]
        missing = np.full(self._index.ndim, np.nan, dtype=np.float32)
        return np.array([missing if item is None else np.asarray(item, np.float32).reshape(-1) for item in found])

    def save(self, path: Path) -> None:
        with self._gate.reading():
            self._index.save(str(path))

    def load(self, path: Path) -> None:
        """Fill an empty index from a file that `save` wrote."""
        with self._gate.writing():
            self._index.load(str(path))
