"""The vectors of one namespace in memory.

Rows are only ever appended, in blocks, and deaths are noted with the number of their tombstone. So a view, taken under
the lock, stays a true snapshot while others append: it holds a length and a tombstone number, and copies nothing.
Blocks whose rows an approximate index holds are let go. Of many rows, what it does not hold yet is rounded as it will
be there: half as much to keep, and a third of the work to search while an index is built.
"""

from dataclasses import dataclass, field

import numpy as np

from askmesh_vectordb.stores.base import Metric
from askmesh_vectordb.stores.local.blocks import Block, Vectors
from askmesh_vectordb.stores.local.nearest import Nearest
from askmesh_vectordb.stores.local.view import Rows, View, kept

_BLOCK = 8192
_SMALLEST_BLOCK = 64
_ALIVE = np.iinfo(np.int64).max


@dataclass
class _Filled:
    """A block, and how much of its room is used."""

    block: Block
    used: int = 0

    @property
    def room(self) -> int:
        return len(self.block) - self.used


@dataclass
class VectorMatrix:
    """What the views look at. Not thread-safe: appended to and viewed under the cache's lock. Once more than `limit`
    were alive, vectors that come are rounded."""

    dimension: int
    metric: Metric
    limit: int
    count: int = 0
    dead: int = 0
    largest: float = 0.0
    shortest: float = float("inf")
    graph: Nearest | None = None
    base: int = 0
    _rows: Rows = field(default_factory=lambda: np.empty(_SMALLEST_BLOCK, np.int64))
    _died: Rows = field(default_factory=lambda: np.empty(_SMALLEST_BLOCK, np.int64))
    _blocks: list[_Filled] = field(default_factory=list)
    _last: tuple[tuple[int, ...], View] | None = None

    @classmethod
    def over(cls, graph: Nearest, rows: Rows, limit: int) -> "VectorMatrix":
        """Of the living rows that a graph holds, ascending; their vectors stay there."""
        matrix = cls(graph.dimension, graph.metric, limit, largest=graph.largest, shortest=graph.shortest, graph=graph)
        matrix._note(rows)
        matrix.base = matrix.count = len(rows)
        return matrix

    def append(self, rows: Rows, vectors: Vectors) -> None:
        """Add vectors [n, dimension] under row numbers above every one so far."""
        vectors, squares = kept(self.metric, vectors)
        self.largest = max(self.largest, float(np.sqrt(squares.max())))
        self.shortest = min(self.shortest, float(np.sqrt(squares.min())))
        many = self.graph is not None or self.rounded or self.living + len(rows) > self.limit
        rounded = many and self.even and self.metric != "euclidean"
        self._note(rows)
        self._fill(Block.of(self.metric, vectors, squares, rounded=rounded))

    def kill(self, row: int, sequence: int) -> None:
        """Note that a row died with this tombstone; a row that was never seen is none of ours."""
        place = int(np.searchsorted(self._rows[: self.count], row))
        if place < self.count and self._rows[place] == row and self._died[place] == _ALIVE:
            self._died[place] = sequence
            self.dead += 1

    def rest_on(self, graph: Nearest) -> None:
        """Let go of the blocks whose rows are all in this graph. It holds at least what the one before held."""
        self.graph, self._last = graph, None
        held = self._held()
        while self._blocks and self.base + self._blocks[0].used <= held:
            first, *others = self._blocks
            if first.room and not others:
                break
            self._blocks = others
            self.base += first.used

    def view(self, sequence: int) -> View:
        """A snapshot: the last one again, where nothing has changed."""
        version = (self.count, self.dead, sequence, self.graph.last_row if self.graph else 0)
        if self._last is None or self._last[0] != version:
            self._last = version, self._view(sequence)
        return self._last[1]

    def _view(self, sequence: int) -> View:
        blocks = tuple(filled.block.part(0, filled.used) for filled in self._blocks)
        rows = self._rows[: self.count]
        return View(
            self.dimension,
            self.metric,
            rows,
            self._died[: self.count] > sequence if self.dead else None,
            blocks,
            self.largest,
            self.rounded,
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
    def rounded(self) -> bool:
        return any(filled.block.is_rounded for filled in self._blocks)

    @property
    def wasteful(self) -> bool:
        """Whether so much is dead that a copy of the living pays off."""
        return self.dead > max(1024, self.count // 4)

    def compacted(self) -> "VectorMatrix":
        """A copy without the dead."""
        fresh = VectorMatrix(
            self.dimension, self.metric, self.limit, largest=self.largest, shortest=self.shortest, graph=self.graph
        )
        start = self.base
        living = self._died[: self.count] == _ALIVE
        fresh._note(self._rows[: self.base][living[: self.base]])
        fresh.base = fresh.count = int(np.count_nonzero(living[: self.base]))
        for filled in self._blocks:
            keep = np.flatnonzero(living[start : start + filled.used])
            fresh._note(self._rows[start + keep])
            fresh._fill(filled.block.only(keep))
            start += filled.used
        return fresh

    def _held(self) -> int:
        """How many of the rows are in the graph. It only grows, so what is so now stays so."""
        return 0 if self.graph is None else int(self._rows[: self.count].searchsorted(self.graph.last_row, "right"))

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

    def _fill(self, vectors: Block) -> None:
        done = 0
        while done < len(vectors):
            last = self._blocks[-1] if self._blocks else None
            if last is None or not last.room or last.block.is_rounded != vectors.is_rounded:
                # Of those that go into an index, the first are scanned here as long as it has only a few of them.
                many = vectors.is_rounded or self.count >= self.limit
                room = _BLOCK if many else min(_BLOCK, max(_SMALLEST_BLOCK, self.count))
                last = _Filled(vectors.room(room))
                self._blocks.append(last)
            n = min(len(vectors) - done, last.room)
            last.block.take(last.used, vectors.part(done, done + n))
            last.used += n
            self.count += n
            done += n
