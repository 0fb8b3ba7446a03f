"""The limit: a float32 scan by BLAS, with nothing around it."""

from typing import Any

import numpy as np

from bench.vectordb.contenders.base import Contender


class Exact(Contender):
    def open(self) -> None:
        file = self.folder / "unit.npy"
        self._unit = np.load(file) if file.exists() else np.empty((0, self.dimension), np.float32)
        self._parts: list[Any] = []

    def write(self, first: int, vectors: Any) -> None:
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        if first < len(self._unit):
            self._unit[first : first + len(unit)] = unit
        else:
            self._parts.append(unit)

    def finish(self) -> None:
        self._unit, self._parts = np.concatenate([self._unit, *self._parts]), []
        np.save(self.folder / "unit.npy", self._unit)

    def query(self, vector: Any, top_k: int, below: int | None) -> list[int]:
        scores = self._unit[:below] @ vector
        best = np.argpartition(-scores, top_k)[:top_k]
        found: list[int] = best[np.argsort(-scores[best])].tolist()
        return found

    def close(self) -> None:
        self._unit = np.empty((0, 0), np.float32)
