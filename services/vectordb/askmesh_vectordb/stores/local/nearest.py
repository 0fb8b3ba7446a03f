"""An approximate nearest neighbour index (HNSW, by usearch) over the rows of one namespace: derived and disposable.

It holds the vectors it was given, rounded, and answers with row numbers and rounded scores: whether a row is alive and
satisfies the filter is for the view to say, and its score for the file. Searches share a gate; an addition, of few
vectors at a time, has it alone.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition, Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from askmesh_vectordb.stores.base import Metric
from askmesh_vectordb.stores.local import rounding

CONNECTIVITY, EXPANSION_ADD = 16, 128
_KINDS: dict[Metric, tuple[str, str]] = {
    "cosine": ("ip", "bf16"),
    "dotproduct": ("ip", "bf16"),
    "euclidean": ("l2sq", "f32"),
}
"""usearch's metric and number type. Sixteen bits are enough to find unit vectors, not to tell apart vectors that lie
close together and far from the origin. bfloat16: processors multiply it as it is; half precision is widened first."""
_NAN_BITS = 0x7FC0
_CHANGED_IN_COPIES = 1 / 8
_MOST_AT_ONCE = 64
_LONGEST_ADDITION_S = 0.003


class _Gate:
    """Many may read at once, or one write; a writer lets every reader that waits go first."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._changed = Condition(self._lock)
        self._waiting, self._readers, self._writing = 0, 0, False

    def enter(self) -> None:
        """Begin to read. `reading` takes three times as long, which a search would notice."""
        with self._lock:
            self._waiting += 1
            while self._writing:
                self._changed.wait()
            self._waiting -= 1
            self._readers += 1

    def leave(self) -> None:
        with self._lock:
            self._readers -= 1
            if not self._readers:
                self._changed.notify_all()

    @contextmanager
    def reading(self) -> Iterator[None]:
        self.enter()
        try:
            yield
        finally:
            self.leave()

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
    """Holds every row up to `last_row` that was alive when it was added.

    By dot product the graph is one of unit vectors: each is divided by a radius that none exceeds and gets one more
    component that makes its length 1; a query's is 0. So the order by dot product is that by angle (Bachrach et al.
    2014, "Speeding up the Xbox recommender system"). The radius is a power of two times a constant, so that vectors
    move to a graph of another radius without being rounded again. `shortest` and `largest` are the lengths so far.

    A vector that was added before is added with other last bits: see `_told_apart`.
    """

    def __init__(self, dimension: int, metric: Metric, largest: float = 1.0) -> None:
        # Loaded when first needed: most stores are small.
        from usearch.index import Index

        name, dtype = _KINDS[metric]
        self.dimension, self.metric = dimension, metric
        self._lifted, self._sixteen = metric == "dotproduct", dtype == "bf16"
        self.shortest, self.largest = np.inf, largest
        self.radius = _radius(largest) if self._lifted else 1.0
        self._index: Any = Index(
            ndim=dimension + self._lifted,
            metric=name,
            dtype=dtype,
            connectivity=CONNECTIVITY,
            expansion_add=EXPANSION_ADD,
            # It looks as widely as it is asked for many, if not for fewer than this.
            expansion_search=CONNECTIVITY,
        )
        self._gate = _Gate()
        self._at_once = _MOST_AT_ONCE
        self._seen: set[int] = set()
        self._random = np.random.default_rng(0)
        self.last_row = 0

    def __len__(self) -> int:
        return len(self._index)

    def takes(self, largest: float) -> bool:
        """Whether vectors of this length can be added: lengths of rounded ones may be off by so much."""
        return not self._lifted or largest <= self.radius * (1 + rounding.ROUNDING)

    def search(self, query: NDArray[np.float32], most: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Row numbers near a vector, at most `most`, with their rounded scores (the negative squared distance, or the
        dot product), best first."""
        asked = query
        if self._lifted:
            length = float(np.linalg.norm(query))
            asked = np.append(query / np.float32(length), np.float32(0))
        self._gate.enter()
        try:
            # What `search` of its own does around this takes a fifth as long again; no promise of usearch's, so the
            # version is bound.
            keys, distances, counts, *_ = self._index._compiled.search_many(asked[None], count=most, threads=1)
        finally:
            self._gate.leave()
        keys, distances = keys[0, : counts[0]], distances[0, : counts[0]]
        if self.metric == "euclidean":
            scores = -distances
        elif self._lifted:
            scores = (1 - distances) * np.float32(self.radius * length)
        else:
            scores = 1 - distances
        return keys.view(np.int64), scores

    def add(self, rows: NDArray[np.int64], vectors: NDArray[np.float32]) -> int:
        """Add as many of these rows, ascending and above `last_row`, as take about 3 ms; how many those were."""
        count = min(len(rows), self._at_once)
        lengths = np.linalg.norm(vectors[:count], axis=1)
        self.shortest, self.largest = min(self.shortest, float(lengths.min())), max(self.largest, float(lengths.max()))
        keys, values = rows[:count].astype(np.uint64), self._told_apart(self._stored(vectors[:count]))
        with self._gate.writing():
            began = time.perf_counter()
            self._index.add(keys, values, threads=1)
            taken = time.perf_counter() - began
            self.last_row = int(rows[count - 1])
        if taken > _LONGEST_ADDITION_S:
            self._at_once = max(1, self._at_once // 2)
        elif 2 * taken < _LONGEST_ADDITION_S:
            self._at_once = min(_MOST_AT_ONCE, 2 * self._at_once)
        return count

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors under row numbers [n, dimension], as they were rounded; NaN where there is none."""
        stored = self._stored_under(rows)
        if self._sixteen:
            stored = rounding.widened(stored, np.float32(self.radius))
        return stored[:, : self.dimension]

    def products(self, rows: NDArray[np.int64], query: NDArray[np.float32]) -> NDArray[np.float32]:
        """The dot products of the vectors under row numbers with a query; NaN where there is none."""
        stored = self._stored_under(rows)
        if not self._sixteen:
            return stored @ query
        asked = np.append(query, np.float32(0)) if self._lifted else query
        return rounding.products(stored, asked, np.float32(self.radius))

    def _stored_under(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """[n, width], as the graph has them: bits, or float32."""
        width, dtype = self._index.ndim, np.uint16 if self._sixteen else np.float32
        if not len(rows):
            return np.empty((0, width), dtype)
        with self._gate.reading():
            # Not by `get`, which would have each vector widened and wrapped by itself: twice the time.
            found = self._index._compiled.get_many(rows.astype(np.uint64), self._index.dtype)
        try:
            joined = b"".join(found)
        except TypeError:
            missing = np.full(width, _NAN_BITS if self._sixteen else np.nan, dtype)
            joined = b"".join([missing.data if item is None else item for item in found])
        return np.frombuffer(joined, dtype).reshape(-1, width)

    def save(self, path: Path) -> None:
        """Write the graph to a file. usearch keeps the interpreter to itself meanwhile, 2 ms for each 1,000 vectors,
        so that a forked child does it where there is fork: it writes, and ends without running anything else."""
        with self._gate.reading():
            child = os.fork() if hasattr(os, "fork") else None
            if child is None:
                self._index.save(str(path))
            elif child == 0:
                _save_and_exit(self._index, path)
        if child and os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
            raise OSError(f"{path.name} could not be written")

    def load(self, path: Path, last_row: int, lengths: tuple[float, float], radius: float) -> None:
        """Fill an empty index from a file that `save` wrote, and from what was so of it then."""
        with self._gate.writing():
            self._index.load(str(path))
        self.last_row, self.radius = last_row, radius
        self.shortest, self.largest = lengths

    def _stored(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        if not self._lifted:
            return vectors
        scaled = vectors / np.float32(self.radius)
        squares = np.einsum("ij,ij->i", scaled, scaled)
        lifts = np.sqrt(np.maximum(0, 1 - squares))
        return np.concatenate([scaled, lifts[:, None]], axis=1, dtype=np.float32)

    def _told_apart(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The same with the last bit of some numbers flipped in every vector that came before. usearch links equal
        vectors to each other only: some hundred copies are a trap that a search does not leave, wherever it is bound
        (recall at 10 of the other vectors fell to 0.8). Flipped again, as when a graph is built anew, no number gets
        further away."""
        bits: NDArray[Any] = rounding.rounded(values) if self._sixteen else np.array(values).view(np.uint32)
        copies = np.zeros(len(bits), np.bool_)
        for place, vector in enumerate(bits):
            known = hash(vector.tobytes())
            copies[place] = known in self._seen
            self._seen.add(known)
        if not copies.any():
            return values
        bits[(self._random.random(bits.shape) < _CHANGED_IN_COPIES) & copies[:, None]] ^= 1
        apart = rounding.widened(bits, np.float32(1)) if self._sixteen else bits.view(np.float32)
        return np.where(copies[:, None], apart, values)


def _radius(largest: float) -> float:
    unit = float(rounding.unit("dotproduct"))
    return float(unit * 2 ** np.ceil(np.log2(max(largest, 1e-30) / unit)))


def _save_and_exit(index: Any, path: Path) -> None:
    status = 1
    try:
        # It must not keep the parent's sockets open if that one ends first.
        os.closerange(3, 4096)
        index.save(str(path))
        status = 0
    finally:
        os._exit(status)
