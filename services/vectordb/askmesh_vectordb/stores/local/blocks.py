"""Vectors of one namespace that lie side by side in memory: as they are kept, or in sixteen bits."""

import mmap
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from askmesh_vectordb.stores.base import Metric
from askmesh_vectordb.stores.local import rounding

Vectors = NDArray[np.float32]
Places = NDArray[np.intp]

_SMALLEST_MAPPING = 1 << 18


@dataclass(frozen=True, slots=True)
class Block:
    """`stored` [n, dimension] is float32, or bits; `squares` are the vectors' squared norms. What is rounded is divided
    by the metric's unit first, as in a graph, so that no vector is rounded again on its way into one."""

    metric: Metric
    stored: NDArray[Any]
    squares: Vectors

    @classmethod
    def of(cls, metric: Metric, vectors: Vectors, squares: Vectors, *, rounded: bool) -> "Block":
        if not rounded:
            return cls(metric, vectors, squares)
        unit = rounding.unit(metric)
        return cls(metric, rounding.rounded(vectors if unit == 1 else vectors / unit), squares)

    def room(self, count: int) -> "Block":
        """One of this kind with room for so many vectors."""
        stored = _room(count, self.stored.shape[1], self.stored.dtype)
        return Block(self.metric, stored, np.empty(count, np.float32))

    def __len__(self) -> int:
        return len(self.stored)

    @property
    def is_rounded(self) -> bool:
        return self.stored.dtype == np.uint16

    def take(self, start: int, other: "Block") -> None:
        """Copy the vectors of another of this kind to places from `start` on."""
        self.stored[start : start + len(other)] = other.stored
        self.squares[start : start + len(other)] = other.squares

    def part(self, start: int, end: int) -> "Block":
        return Block(self.metric, self.stored[start:end], self.squares[start:end])

    def only(self, places: Places) -> "Block":
        return Block(self.metric, self.stored[places], self.squares[places])

    def scores(self, query: Vectors) -> Vectors:
        """Approximate scores, the squared norm of the query left out."""
        if self.is_rounded:
            return rounding.products(self.stored, query, rounding.unit(self.metric))
        products: Vectors = self.stored @ query
        return 2 * products - self.squares if self.metric == "euclidean" else products

    def vectors(self) -> Vectors:
        """float32 [n, dimension]."""
        return rounding.widened(self.stored, rounding.unit(self.metric)) if self.is_rounded else self.stored


def _room(size: int, dimension: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Memory of its own mapping, which goes back to the system at once when it is let go."""
    needed = dtype.itemsize * size * dimension
    if needed < _SMALLEST_MAPPING:
        return np.empty((size, dimension), dtype)
    return np.frombuffer(mmap.mmap(-1, needed), dtype).reshape(size, dimension)
