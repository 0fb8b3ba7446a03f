"""A snapshot of the vectors of one namespace, and search over all of them.

Where there are many, memory has rounded vectors only, in an approximate index or in blocks that it is yet to take up:
scores by those choose whom to look at, and what a search may answer with is scored by the vectors in the file.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from askmesh_vectordb.filters import Node
from askmesh_vectordb.stores.base import Metric, Vector
from askmesh_vectordb.stores.local.blocks import Block, Places, Vectors
from askmesh_vectordb.stores.local.nearest import Nearest
from askmesh_vectordb.stores.local.rounding import ROUNDING

Rows = NDArray[np.int64]
Scores = NDArray[np.float64]
Mask = NDArray[np.bool_]
Read = Callable[[Rows], Vectors]
"""The vectors that the file has for rows, in their order."""

_NUMBERS_PER_STEP = 1 << 18
"""As many as a processor keeps at hand, and no new memory is asked for at every step."""
# How far a float32 score may be off its float64 value, relative to the largest term: twenty thousand summands of
# rounding error 6e-8 that add up like a random walk.
_SLACK = 2e-5
# Of vectors that the graph rounded: by Cauchy and Schwarz a score is off by at most the same share of the lengths; for
# the query, where the graph rounds it too, as much again; for the last bits that copies differ in, twice as much; and
# that on both sides of a cut.
_ROUNDED_SLACK = 8 * ROUNDING
# As far as errors go in practice: those of single numbers are independent, with a third of the largest one's square as
# variance, four of them make up the difference of two scores; this is more than five of its standard deviations.
_LIKELY_SLACK = 6 * ROUNDING


@dataclass(frozen=True, slots=True)
class View:
    """A snapshot: `rows` ascending, of which those not `alive` are dead. The first `held` of them are in `graph`, and
    the vectors of the first `base` only there; the others are in `blocks`, some of them `rounded`."""

    dimension: int
    metric: Metric
    rows: Rows
    alive: Mask | None
    blocks: tuple[Block, ...]
    largest: float
    rounded: bool = False
    even: bool = True
    graph: Nearest | None = None
    held: int = 0
    base: int = 0
    masks: dict[Node, Mask | None] = field(default_factory=dict, compare=False)
    """What is known of filters, for `reads` to note: which rows satisfy one, or None for one that many do. It holds for
    as long as the view: whatever changes a record makes a new one."""

    @property
    def living(self) -> int:
        return len(self.rows) if self.alive is None else int(np.count_nonzero(self.alive))

    def prepared(self, vector: Vector) -> tuple[NDArray[np.float64], float]:
        """The query as the rows are kept, and its norm."""
        query = vector.astype(np.float64)
        norm = sqrt(query @ query)
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
        return (_ROUNDED_SLACK if self._is_rough else _SLACK) * max(scale, 1e-30)

    def likely_slack(self, query: Vectors, norm: float) -> float:
        """The same but for one case in a million, if vectors near the query are spread over their components as it is:
        what an approximate search may go by."""
        if not self._is_rough or not norm:
            return self.slack(norm)
        squares = np.square(query if norm == 1 else query / np.float32(norm))
        return min(self.slack(norm), _LIKELY_SLACK * sqrt(squares @ squares) * norm * self.largest)

    @property
    def _is_rough(self) -> bool:
        """Whether scores come from sixteen bits."""
        return self.metric != "euclidean" and bool(self.held or self.rounded)

    def shortlist(self, query: Vectors, top_k: int, usable: Mask | None, slack: float) -> Places:
        """Every usable row that can be among the `top_k`, ties included, if scores are no further off than `slack`."""
        count = len(self.rows) if usable is None else int(np.count_nonzero(usable))
        if count <= top_k:
            return np.arange(len(self.rows)) if usable is None else np.flatnonzero(usable)
        # Vectors that lie side by side are scanned more quickly than some of them are picked; those in a graph do not.
        few = None
        if usable is not None and (self.base or 4 * count <= len(self.rows)):
            few = np.flatnonzero(usable)
        scores = self._scores(query) if few is None else self._scores_of(query, few)
        if few is None and usable is not None:
            scores[~usable] = -np.inf
        near = np.flatnonzero(scores >= kth(scores, top_k) - slack)
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

    def newest(self, query: Vectors, norm: float, usable: Mask | None) -> Vectors:
        """The scores, as a graph tells them, of the rows that are not in it: negative infinity for one that is not
        usable."""
        found, start = [], self.base
        for block in self.blocks:
            if start + len(block) > self.held:
                found.append(block.part(max(0, self.held - start), len(block)).scores(query))
            start += len(block)
        scores = found[0] if len(found) == 1 else np.concatenate(found)
        if self.metric == "euclidean":
            scores -= np.float32(norm * norm)
        if usable is not None:
            scores[~usable[self.held :]] = -np.inf
        return scores

    def _scores(self, query: Vectors) -> Vectors:
        """Approximate scores (the squared norm of the query left out) of all rows."""
        scores = np.empty(len(self.rows), dtype=np.float32)
        scores[: self.base] = self._scores_of(query, np.arange(self.base))
        start = self.base
        for block in self.blocks:
            scores[start : start + len(block)] = block.scores(query)
            start += len(block)
        return scores

    def _scores_of(self, query: Vectors, places: Places) -> Vectors:
        """The same of ascending places, some at a time: what comes out of a graph is a copy."""
        scores = np.empty(len(places), dtype=np.float32)
        step = max(16, _NUMBERS_PER_STEP // self.dimension)
        for start in range(0, len(places), step):
            held, parts = self._parted(places[start : start + step])
            found = [part.scores(query) for part in parts]
            if len(held):
                found.insert(0, self._graph_scores(query, held))
            np.concatenate(found, out=scores[start : start + step])
        return scores

    def _graph_scores(self, query: Vectors, places: Places) -> Vectors:
        assert self.graph is not None
        if self.metric != "euclidean":
            return self.graph.products(self.rows[places], query)
        vectors = self.graph.vectors(self.rows[places])
        scores: Vectors = 2 * (vectors @ query) - np.einsum("ij,ij->i", vectors, vectors)
        return scores

    def exact(self, query: NDArray[np.float64], places: Places, read: Read) -> Scores:
        """Scores in float64 of ascending places, summed in one fixed order, so that equal vectors have equal scores
        wherever they lie."""
        cut = len(places) if self.rounded else int(places.searchsorted(self.base))
        parts = [kept(self.metric, read(self.rows[places[:cut]]))[0]] if cut else []
        if cut < len(places) or not cut:
            parts.append(self.vectors(places[cut:]))
        vectors = parts[0] if len(parts) == 1 else np.concatenate(parts)
        wide = vectors.astype(np.float64)
        if self.metric == "euclidean":
            wide -= query
            distances: Scores = np.einsum("ij,ij->i", wide, wide)
            return -distances
        scores: Scores = np.einsum("ij,j->i", wide, query)
        if self.metric == "cosine":
            np.minimum(np.maximum(scores, -1.0, out=scores), 1.0, out=scores)
        return scores

    def vectors(self, places: Places) -> Vectors:
        """The vectors at ascending places, as they are in memory."""
        held, parts = self._parted(places)
        found = [part.vectors() for part in parts]
        if len(held):
            assert self.graph is not None
            found.insert(0, self.graph.vectors(self.rows[held]))
        return found[0] if len(found) == 1 else np.concatenate([np.empty((0, self.dimension), np.float32), *found])

    def _parted(self, places: Places) -> tuple[Places, list[Block]]:
        """Which of these ascending places only the graph has, and what the blocks have of the others, in order."""
        if not self.base and len(self.blocks) == 1:
            return places[:0], [self.blocks[0].only(places)]
        starts = self.base + np.cumsum([0, *map(len, self.blocks)])
        cuts = np.searchsorted(places, starts)
        parts = [
            block.only(places[cuts[n] : cuts[n + 1]] - starts[n])
            for n, block in enumerate(self.blocks)
            if cuts[n] < cuts[n + 1]
        ]
        return places[: cuts[0]], parts


def kept(metric: Metric, vectors: Vectors) -> tuple[Vectors, Vectors]:
    """Vectors as they are kept for a metric (by cosine, of length 1), and their squared norms."""
    wide = vectors.astype(np.float64)
    squares = np.einsum("ij,ij->i", wide, wide)
    if metric == "cosine":
        wide /= np.sqrt(squares)[:, None]
        return wide.astype(np.float32), np.ones(len(squares), np.float32)
    return vectors, squares.astype(np.float32)


def kth(scores: NDArray[np.floating], k: int) -> float:
    """The k-th best of more than k scores."""
    return float(np.partition(scores, len(scores) - k)[len(scores) - k])
