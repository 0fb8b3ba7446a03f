"""Vectors, queries and the true answers, drawn once for each size and kept in a folder.

Vectors lie around centres, as embeddings of real text do; queries are near some of them. Ids are `r0`, `r1`, …; each
record has its number as the metadata field `n`, so that a filter on it keeps any share.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

QUERIES, DEEPEST, BATCH = 300, 10, 1000
SHARES = {"all": 1.0, "20 %": 0.2, "1 %": 0.01}
_STEP = 5000


@dataclass(frozen=True)
class Size:
    count: int
    dimension: int

    @classmethod
    def parse(cls, text: str) -> "Size":
        count, _, dimension = text.partition("x")
        return cls(int(count), int(dimension))

    def __str__(self) -> str:
        return f"{self.count}x{self.dimension}"

    def kept(self, share: str) -> int:
        """How many records the filter keeps: those with `n` below this."""
        return int(self.count * SHARES[share])


class Data:
    """The files of one size. Nothing is held in memory but what is asked for."""

    def __init__(self, folder: Path, size: Size) -> None:
        self.folder, self.size = folder, size

    def prepare(self) -> None:
        """Draw the data and find the true answers, unless they are there."""
        if self._file("truth.npz").exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        count, dimension = self.size.count, self.size.dimension
        rng = np.random.default_rng(0)
        centres = rng.standard_normal((max(20, count // 150), dimension), np.float32)
        with self._file("vectors.f32").open("wb") as file:
            for start in range(0, count, _STEP):
                n = min(_STEP, count - start)
                near = centres[rng.integers(0, len(centres), n)]
                (near + np.float32(0.7) * rng.standard_normal((n, dimension), np.float32)).tofile(file)
        chosen = np.sort(rng.integers(0, count, QUERIES))
        picked = np.stack([self.vectors(int(n), 1)[0] for n in chosen])
        queries = picked + np.float32(0.3) * rng.standard_normal((QUERIES, dimension), np.float32)
        np.save(self._file("queries.npy"), rng.permutation(queries))
        np.savez(self._file("truth.npz"), **self._truth())

    def vectors(self, start: int, count: int) -> Any:
        """float32 [count, dimension], read from the file."""
        dimension = self.size.dimension
        flat = np.fromfile(self._file("vectors.f32"), np.float32, count * dimension, offset=4 * start * dimension)
        return flat.reshape(-1, dimension)

    def batches(self) -> Iterator[tuple[int, Any]]:
        """The number of the first vector of each batch, and its vectors."""
        for start in range(0, self.size.count, BATCH):
            yield start, self.vectors(start, min(BATCH, self.size.count - start))

    def queries(self) -> Any:
        return np.load(self._file("queries.npy"))

    def truth(self, share: str) -> Any:
        """Numbers of the nearest records by cosine [queries, DEEPEST], best first."""
        return np.load(self._file("truth.npz"))[share]

    def _truth(self) -> dict[str, Any]:
        queries = self.queries()
        best = {share: (np.full((QUERIES, DEEPEST), -2.0), np.zeros((QUERIES, DEEPEST), int)) for share in SHARES}
        for start in range(0, self.size.count, _STEP):
            vectors = self.vectors(start, min(_STEP, self.size.count - start))
            scores = queries @ (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).T
            for share, (known, numbers) in best.items():
                kept = scores[:, : max(0, self.size.kept(share) - start)]
                if kept.shape[1]:
                    both = np.concatenate([known, kept / np.linalg.norm(queries, axis=1, keepdims=True)], axis=1)
                    named = np.concatenate([numbers, np.tile(np.arange(start, start + kept.shape[1]), (QUERIES, 1))], 1)
                    order = np.argsort(-both, axis=1)[:, :DEEPEST]
                    best[share] = (np.take_along_axis(both, order, 1), np.take_along_axis(named, order, 1))
        return {share: numbers for share, (_, numbers) in best.items()}

    def _file(self, name: str) -> Path:
        return self.folder / name
