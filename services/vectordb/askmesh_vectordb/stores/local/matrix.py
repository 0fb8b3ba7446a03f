"""The vectors of one namespace in memory, and exact search over them.

Rows are only ever appended, in blocks, and deaths are noted with the number of their tombstone. So a view, taken under
the lock, stays a true snapshot while others append: it holds a length and a tombstone number, and copies nothing.

Where there is an approximate index, the blocks whose rows it holds are let go: of those the memory has rounded vectors
only, in the graph, and what a search may answer with is scored by the vectors in the file.
"""

import mmap
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from askmesh_vectordb.stores.base import Metric, Vector
from askmesh_vectordb.stores.local.nearest import Nearest

Rows = NDArray[np.int64]
Scores = NDArray[np.float64]
Places = NDArray[np.intp]
Mask = NDArray[np.bool_]
Vectors = NDArray[np.float32]
Read = Callable[[Rows], Vectors]
"""The vectors that the file has for rows, in their order."""

_BLOCK = 8192
_SMALLEST_BLOCK = 64
_ROUNDED_PER_STEP = 4096
_SMALLEST_MAPPING = 1 << 18
_ALIVE = np.iinfo(np.int64).max
# How far a float32 score may be off its float64 value, relative to the largest term: twenty thousand summands of
# rounding error 6e-8 that add up like a random walk.
_SLACK = 2e-5
# Of half-precision vectors: each number is off by at most 2**-11 of itself, so by Cauchy and Schwarz a score by that
# share of the lengths; for the query, where the graph rounds it too, as much again; and that on both sides of a cut.
_HALF_SLACK = 4 * 2.0**-11


@dataclass
class _Block:
    vectors: Vectors
    squares: Vectors
    used: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """A snapshot: `rows` ascending, of which those not `alive` are dead. The first `held` of them are in `graph`, and
    the vectors of the first `base` only there; the others are in `blocks`."""

    dimension: int
    metric: Metric
    rows: Rows
    alive: Mask | None
    blocks: tuple[tuple[Vectors, Vectors], ...]
    largest: float
    even: bool = True
    graph: Nearest | None = None
    held: int = 0
    base: int = 0

    @property
    def living(self) -> int:
        return len(self.rows) if self.alive is None else int(np.count_nonzero(self.alive))

    def prepared(self, vector: Vector) -> tuple[NDArray[np.float64], float]:
        """The query as the rows are kept, and its norm."""
        query = vector.astype(np.float64)
        norm = float(np.linalg.norm(query))
        if self.metric == "cosine" and norm > 0:
            return query / norm, 1.0
        return query, norm

    def usable(self, allowed: Mask | None) -> Mask | None:
        """Which rows are alive and allowed; None where all are."""
        if self.alive is None or allowed is None:
            return self.alive if allowed is None else allowed
        return self.alive & allowed

    def slack(self, norm: float) -> float:
        """How far below a rounded score a rounded score may lie and still be the better one."""
        scale = norm * self.largest if self.metric != "euclidean" else (norm + self.largest) ** 2
        return (_HALF_SLACK if self.held and self.metric != "euclidean" else _SLACK) * max(scale, 1e-30)

    def shortlist(self, query: Vectors, norm: float, top_k: int, usable: Mask | None) -> Places:
        """Every usable row that can be among the `top_k`, ties included."""
        count = len(self.rows) if usable is None else int(np.count_nonzero(usable))
        if count <= top_k:
            return np.arange(len(self.rows)) if usable is None else np.flatnonzero(usable)
        # Vectors that lie side by side are scanned more quickly than some of them are picked; those in a graph do not.
        few = None
        if usable is not None and (self.base or 4 * count <= len(self.rows)):
            few = np.flatnonzero(usable)
        scores = self._scores(query) if few is None else self._score(query, *self._gather(few))
        if few is None and usable is not None:
            scores[~usable] = -np.inf
        near = np.flatnonzero(scores >= kth(scores, top_k) - self.slack(norm))
        return near if few is None else few[near]

    def best(self, query: Vectors, most: int) -> tuple[Places, Vectors]:
        """The `most` best living rows, in no order, with their approximate scores."""
        scores = self._scores(query)
        if self.alive is not None:
            scores[~self.alive] = -np.inf
        places = np.arange(len(scores)) if len(scores) <= most else np.argpartition(-scores, most - 1)[:most]
        if self.alive is not None:
            places = places[self.alive[places]]
        return places, scores[places]

    def newest(self, query: Vectors, norm: float, top_k: int, usable: Mask | None) -> Places:
        """The same of the rows that are not in the graph."""
        rest = View(self.dimension, self.metric, self.rows[self.base :], None, self.blocks, self.largest)
        chosen = np.zeros(len(rest.rows), np.bool_)
        chosen[self.held - self.base :] = True if usable is None else usable[self.held :]
        return rest.shortlist(query, norm, top_k, chosen) + self.base

    def _scores(self, query: Vectors) -> Vectors:
        """Approximate scores (the squared norm of the query left out) of all rows."""
        scores = np.empty(len(self.rows), dtype=np.float32)
        for start in range(0, self.base, _ROUNDED_PER_STEP):
            places = np.arange(start, min(start + _ROUNDED_PER_STEP, self.base))
            scores[places] = self._score(query, *self._gather(places))
        start = self.base
        for vectors, squares in self.blocks:
            part = scores[start : start + len(vectors)]
            np.dot(vectors, query, out=part)
            if self.metric == "euclidean":
                np.subtract(2 * part, squares, out=part)
            start += len(vectors)
        return scores

    def _score(self, query: Vectors, vectors: Vectors, squares: Vectors) -> Vectors:
        products: Vectors = vectors @ query
        return 2 * products - squares if self.metric == "euclidean" else products

    def exact(self, query: NDArray[np.float64], places: Places, read: Read) -> Scores:
        """Scores in float64 of ascending places, summed in one fixed order, so that equal vectors have equal scores
        wherever they lie."""
        cut = int(np.searchsorted(places, self.base))
        vectors = self._gather(places[cut:])[0]
        if cut:
            stored = kept(self.metric, read(self.rows[places[:cut]]))[0]
            vectors = np.concatenate([stored, vectors])
        wide = vectors.astype(np.float64)
        if self.metric == "euclidean":
            wide -= query
            distances: Scores = np.einsum("ij,ij->i", wide, wide)
            return -distances
        scores: Scores = np.einsum("ij,j->i", wide, query)
        if self.metric == "cosine":
            np.clip(scores, -1.0, 1.0, out=scores)
        return scores

    def rounded(self, places: Places) -> Vectors:
        """The vectors at ascending places, as they are in memory."""
        return self._gather(places)[0]

    def _gather(self, places: Places) -> tuple[Vectors, Vectors]:
        """The vectors and squared norms at ascending places."""
        if not len(places):
            return np.empty((0, self.dimension), np.float32), np.empty(0, np.float32)
        if not self.base and len(self.blocks) == 1:
            return self.blocks[0][0][places], self.blocks[0][1][places]
        starts = self.base + np.cumsum([0, *(len(vectors) for vectors, _ in self.blocks)])
        cuts = np.searchsorted(places, starts)
        parts = [
            (vectors[places[cuts[n] : cuts[n + 1]] - starts[n]], squares[places[cuts[n] : cuts[n + 1]] - starts[n]])
            for n, (vectors, squares) in enumerate(self.blocks)
            if cuts[n] < cuts[n + 1]
        ]
        if cuts[0]:
            assert self.graph is not None
            vectors = self.graph.vectors(self.rows[places[: cuts[0]]])
            parts.insert(0, (vectors, np.einsum("ij,ij->i", vectors, vectors)))
        if len(parts) == 1:
            return parts[0]
        return np.concatenate([part for part, _ in parts]), np.concatenate([part for _, part in parts])


@dataclass
class VectorMatrix:
    """What the views look at. Not thread-safe: appended to and viewed under the cache's lock."""

    dimension: int
    metric: Metric
    count: int = 0
    dead: int = 0
    largest: float = 0.0
    shortest: float = float("inf")
    graph: Nearest | None = None
    base: int = 0
    _rows: Rows = field(default_factory=lambda: np.empty(_SMALLEST_BLOCK, np.int64))
    _died: Rows = field(default_factory=lambda: np.empty(_SMALLEST_BLOCK, np.int64))
    _blocks: list[_Block] = field(default_factory=list)

    @classmethod
    def over(cls, graph: Nearest, rows: Rows) -> "VectorMatrix":
        """Of the living rows that a graph holds, ascending; their vectors stay there."""
        matrix = cls(graph.dimension, graph.metric, largest=graph.largest, shortest=graph.shortest, graph=graph)
        matrix._note(rows)
        matrix.base = matrix.count = len(rows)
        return matrix

    def append(self, rows: Rows, vectors: Vectors) -> None:
        """Add vectors [n, dimension] under row numbers above every one so far."""
        vectors, squares = kept(self.metric, vectors)
        self.largest = max(self.largest, float(np.sqrt(squares.max())))
        self.shortest = min(self.shortest, float(np.sqrt(squares.min())))
        self._note(rows)
        self._fill(vectors, squares)

    def kill(self, row: int, sequence: int) -> None:
        """Note that a row died with this tombstone; a row that was never seen is none of ours."""
        place = int(np.searchsorted(self._rows[: self.count], row))
        if place < self.count and self._rows[place] == row and self._died[place] == _ALIVE:
            self._died[place] = sequence
            self.dead += 1

    def rest_on(self, graph: Nearest) -> None:
        """Let go of the blocks whose rows are all in this graph. It holds at least what the one before held."""
        self.graph = graph
        held = self._held()
        while (
            self._blocks and self.base + (used := self._blocks[0].used) <= held and used == len(self._blocks[0].vectors)
        ):
            del self._blocks[0]
            self.base += used

    def view(self, sequence: int) -> View:
        blocks = tuple((block.vectors[: block.used], block.squares[: block.used]) for block in self._blocks)
        alive = self._died[: self.count] > sequence if self.dead else None
        rows = self._rows[: self.count]
        return View(
            self.dimension,
            self.metric,
            rows,
            alive,
            blocks,
            self.largest,
            self.even,
            self.graph,
            self._held(),
            self.base,
        )

    @property
    def living(self) -> int:
        return self.count - self.dead

    @property
    def even(self) -> bool:
        """Whether a graph finds them well. By dot product it does where no vector is twice as long as another (recall
        at 10 above 0.995; with lengths of a log-normal distribution, sigma 0.5, it is below 0.9)."""
        return self.metric != "dotproduct" or self.largest <= 2 * self.shortest

    @property
    def wasteful(self) -> bool:
        """Whether so much is dead that a copy of the living pays off."""
        return self.dead > max(1024, self.count // 4)

    def compacted(self) -> "VectorMatrix":
        """A copy without the dead."""
        fresh = VectorMatrix(
            self.dimension, self.metric, largest=self.largest, shortest=self.shortest, graph=self.graph
        )
        start = self.base
        living = self._died[: self.count] == _ALIVE
        fresh._note(self._rows[: self.base][living[: self.base]])
        fresh.base = fresh.count = int(np.count_nonzero(living[: self.base]))
        for block in self._blocks:
            keep = np.flatnonzero(living[start : start + block.used])
            fresh._note(self._rows[start + keep])
            fresh._fill(block.vectors[keep], block.squares[keep])
            start += block.used
        return fresh

    def _held(self) -> int:
        """How many of the rows are in the graph. It only grows, so what is so now stays so."""
        return 0 if self.graph is None else int(np.searchsorted(self._rows[: self.count], self.graph.last_row, "right"))

    def _note(self, rows: Rows) -> None:
        """Write down more rows as alive; `count` is for the caller to raise."""
        end = self.count + len(rows)
        # New arrays, never resized ones: the views in flight keep the old.
        if end > len(self._rows):
            room = max(end, 2 * len(self._rows))
            for name in ("_rows", "_died"):
                grown = np.empty(room, np.int64)
                grown[: self.count] = getattr(self, name)[: self.count]
                setattr(self, name, grown)
        self._rows[self.count : end] = rows
        self._died[self.count : end] = _ALIVE

    def _fill(self, vectors: Vectors, squares: Vectors) -> None:
        done = 0
        while done < len(vectors):
            if not self._blocks or self._blocks[-1].used == len(self._blocks[-1].vectors):
                size = min(_BLOCK, max(_SMALLEST_BLOCK, self.count))
                self._blocks.append(_Block(_room(size, self.dimension), np.empty(size, np.float32)))
            block = self._blocks[-1]
            n = min(len(vectors) - done, len(block.vectors) - block.used)
            block.vectors[block.used : block.used + n] = vectors[done : done + n]
            block.squares[block.used : block.used + n] = squares[done : done + n]
            block.used += n
            self.count += n
            done += n


def _room(size: int, dimension: int) -> Vectors:
    """Memory of its own mapping, which goes back to the system at once when it is let go."""
    if 4 * size * dimension < _SMALLEST_MAPPING:
        return np.empty((size, dimension), np.float32)
    return np.frombuffer(mmap.mmap(-1, 4 * size * dimension), np.float32).reshape(size, dimension)


def kept(metric: Metric, vectors: Vectors) -> tuple[Vectors, Vectors]:
    """Vectors as they are kept for a metric (by cosine, of length 1), and their squared norms."""
    wide = vectors.astype(np.float64)
    squares = np.einsum("ij,ij->i", wide, wide)
    if metric == "cosine":
        vectors = (wide / np.sqrt(squares)[:, None]).astype(np.float32)
        squares = np.ones_like(squares)
    return vectors, squares.astype(np.float32)


def kth(scores: NDArray[np.floating], k: int) -> float:
    """The k-th best of more than k scores."""
    return float(np.partition(scores, len(scores) - k)[len(scores) - k])
