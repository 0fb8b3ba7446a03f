"""The vectors of one namespace in memory, and exact search over them.

Rows are only ever appended, in blocks, and deaths are noted with the number of their tombstone. So a view, taken under
the lock, stays a true snapshot while others append: it holds a length and a tombstone number, and copies nothing.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from askmesh_vectordb.stores.base import Metric, Vector

Scores = NDArray[np.float64]
Places = NDArray[np.intp]
Mask = NDArray[np.bool_]

_BLOCK = 8192
_SMALLEST_BLOCK = 64
_ALIVE = np.iinfo(np.int64).max
# How far a float32 score may be off its float64 value, relative to the largest term: twenty thousand summands of
# rounding error 6e-8 that add up like a random walk.
_SLACK = 2e-5


@dataclass
class _Block:
    vectors: NDArray[np.float32]
    used: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """A snapshot: `rows` ascending, of which those with `died` beyond `sequence` are alive."""

    metric: Metric
    rows: NDArray[np.int64]
    alive: Mask | None
    blocks: tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]
    largest: float

    def prepared(self, vector: Vector) -> tuple[NDArray[np.float64], float]:
        """The query as the rows are kept, and its norm."""
        query = vector.astype(np.float64)
        norm = float(np.linalg.norm(query))
        if self.metric == "cosine" and norm > 0:
            return query / norm, 1.0
        return query, norm

    def vectors(self, places: Places) -> NDArray[np.float32]:
        """The vectors at ascending places."""
        return self._gather(places)[0]

    def usable(self, allowed: Mask | None) -> Mask | None:
        """Which rows are alive and allowed; None where all are."""
        if self.alive is None or allowed is None:
            return self.alive if allowed is None else allowed
        return self.alive & allowed

    def shortlist(self, query: NDArray[np.float32], norm: float, top_k: int, usable: Mask | None) -> Places:
        """Every usable row that can be among the `top_k`, ties included."""
        count = len(self.rows) if usable is None else int(np.count_nonzero(usable))
        if count <= top_k:
            return np.arange(len(self.rows)) if usable is None else np.flatnonzero(usable)
        few = None if usable is None or count > len(self.rows) // 4 else np.flatnonzero(usable)
        scores = self._scores(query, few)
        if few is None and usable is not None:
            scores[~usable] = -np.inf
        threshold = np.partition(scores, len(scores) - top_k)[len(scores) - top_k]
        scale = norm * self.largest if self.metric != "euclidean" else (norm + self.largest) ** 2
        near = np.flatnonzero(scores >= threshold - _SLACK * max(scale, 1e-30))
        return near if few is None else few[near]

    def _scores(self, query: NDArray[np.float32], few: Places | None) -> NDArray[np.float32]:
        """Approximate scores (the squared norm of the query left out): of all rows, or of the few."""
        if few is not None:
            vectors, squares = self._gather(few)
            return 2 * (vectors @ query) - squares if self.metric == "euclidean" else vectors @ query
        scores = np.empty(len(self.rows), dtype=np.float32)
        start = 0
        for vectors, squares in self.blocks:
            part = scores[start : start + len(vectors)]
            np.dot(vectors, query, out=part)
            if self.metric == "euclidean":
                np.subtract(2 * part, squares, out=part)
            start += len(vectors)
        return scores

    def exact(self, query: NDArray[np.float64], places: Places) -> Scores:
        """Scores in float64, summed in one fixed order, so that equal vectors have equal scores wherever they lie."""
        vectors = self._gather(places)[0].astype(np.float64)
        if self.metric == "euclidean":
            vectors -= query
            distances: Scores = np.einsum("ij,ij->i", vectors, vectors)
            return -distances
        scores: Scores = np.einsum("ij,j->i", vectors, query)
        if self.metric == "cosine":
            np.clip(scores, -1.0, 1.0, out=scores)
        return scores

    def _gather(self, places: Places) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The vectors and squared norms at ascending places."""
        if len(self.blocks) == 1:
            return self.blocks[0][0][places], self.blocks[0][1][places]
        starts = np.cumsum([0, *(len(vectors) for vectors, _ in self.blocks)])
        cuts = np.searchsorted(places, starts)
        parts = [
            (vectors[places[cuts[n] : cuts[n + 1]] - starts[n]], squares[places[cuts[n] : cuts[n + 1]] - starts[n]])
            for n, (vectors, squares) in enumerate(self.blocks)
        ]
        return np.concatenate([part for part, _ in parts]), np.concatenate([part for _, part in parts])


@dataclass
class VectorMatrix:
    """What the views look at. Not thread-safe: appended to and viewed under the cache's lock."""

    dimension: int
    metric: Metric
    count: int = 0
    dead: int = 0
    largest: float = 0.0
    _rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(_SMALLEST_BLOCK, np.int64))
    _died: NDArray[np.int64] = field(default_factory=lambda: np.empty(_SMALLEST_BLOCK, np.int64))
    _blocks: list[tuple[_Block, NDArray[np.float32]]] = field(default_factory=list)

    def append(self, rows: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Add vectors [n, dimension] under row numbers above every one so far."""
        wide = vectors.astype(np.float64)
        squares = np.einsum("ij,ij->i", wide, wide)
        if self.metric == "cosine":
            vectors = (wide / np.sqrt(squares)[:, None]).astype(np.float32)
            squares = np.ones_like(squares)
        self.largest = max(self.largest, float(np.sqrt(squares.max(initial=0.0))))
        self._reserve(len(rows))
        self._rows[self.count : self.count + len(rows)] = rows
        self._died[self.count : self.count + len(rows)] = _ALIVE
        self._fill(vectors, squares.astype(np.float32))

    def kill(self, row: int, sequence: int) -> None:
        """Note that a row died with this tombstone; a row that was never seen is none of ours."""
        place = int(np.searchsorted(self._rows[: self.count], row))
        if place < self.count and self._rows[place] == row and self._died[place] == _ALIVE:
            self._died[place] = sequence
            self.dead += 1

    def view(self, sequence: int) -> View:
        blocks = tuple((block.vectors[: block.used], squares[: block.used]) for block, squares in self._blocks)
        alive = self._died[: self.count] > sequence if self.dead else None
        return View(self.metric, self._rows[: self.count], alive, blocks, self.largest)

    @property
    def wasteful(self) -> bool:
        """Whether so much is dead that a copy of the living pays off."""
        return self.dead > max(1024, self.count // 4)

    def compacted(self) -> "VectorMatrix":
        """A copy without the dead."""
        fresh, start = VectorMatrix(self.dimension, self.metric, largest=self.largest), 0
        living = self._died[: self.count] == _ALIVE
        for block, squares in self._blocks:
            keep = np.flatnonzero(living[start : start + block.used])
            rows = self._rows[start + keep]
            fresh._reserve(len(rows))
            fresh._rows[fresh.count : fresh.count + len(rows)] = rows
            fresh._died[fresh.count : fresh.count + len(rows)] = _ALIVE
            fresh._fill(block.vectors[keep], squares[keep])
            start += block.used
        return fresh

    def _reserve(self, more: int) -> None:
        # New arrays, never resized ones: the views in flight keep the old.
        if self.count + more > len(self._rows):
            room = max(self.count + more, 2 * len(self._rows))
            for name in ("_rows", "_died"):
                grown = np.empty(room, np.int64)
                grown[: self.count] = getattr(self, name)[: self.count]
                setattr(self, name, grown)

    def _fill(self, vectors: NDArray[np.float32], squares: NDArray[np.float32]) -> None:
        done = 0
        while done < len(vectors):
            if not self._blocks or self._blocks[-1][0].used == len(self._blocks[-1][0].vectors):
                size = min(_BLOCK, max(_SMALLEST_BLOCK, self.count))
                self._blocks.append((_Block(np.empty((size, self.dimension), np.float32)), np.empty(size, np.float32)))
            block, block_squares = self._blocks[-1]
            n = min(len(vectors) - done, len(block.vectors) - block.used)
            block.vectors[block.used : block.used + n] = vectors[done : done + n]
            block_squares[block.used : block.used + n] = squares[done : done + n]
            block.used += n
            self.count += n
            done += n
