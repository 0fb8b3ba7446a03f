"""Keeps snapshots of a file's approximate indexes beside it, so that the next start need not build them.

A snapshot is two files, each written under another name and renamed: the graph, and a note of what it holds with the
graph's digest. It is used only when everything about it agrees with the file; on any doubt it is built anew.
"""

import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from askmesh_vectordb.stores.base import Metric
from askmesh_vectordb.stores.local.nearest import CONNECTIVITY, Nearest
from askmesh_vectordb.stores.local.view import Read, Rows, kept

_SAMPLE = 64
_ABANDONED_S = 600
_GRAPH, _NOTE = ".usearch", ".json"


class Snapshots:
    """Of the file at `path`, by namespace number."""

    def __init__(self, path: Path, dimension: int, metric: Metric) -> None:
        self._path, self._dimension, self._metric = path, dimension, metric
        self.name = path.name

    def save(self, namespace: int, nearest: Nearest) -> None:
        """Raises OSError or RuntimeError where there is no room for it."""
        graph, note = self._files(namespace)
        fresh = graph.with_name(f"{graph.name}.{os.getpid()}.tmp")
        self._sweep(graph)
        try:
            nearest.save(fresh)
            content = json.dumps(self._description(nearest) | {"digest": _digest(fresh)})
            note.unlink(missing_ok=True)
            os.replace(fresh, graph)
            fresh.write_text(content)
            os.replace(fresh, note)
        finally:
            fresh.unlink(missing_ok=True)

    def restored(self, namespace: int, rows: Rows, read: Read) -> Nearest | None:
        """The snapshot, if there is one that agrees with the file: its living rows, ascending, and their vectors."""
        graph, note = self._files(namespace)
        try:
            told: dict[str, Any] = json.loads(note.read_text())
            if told.pop("digest") != _digest(graph):
                return None
            nearest = Nearest(self._dimension, self._metric)
            nearest.load(graph, int(told["last_row"]), (told["shortest"], told["largest"]), float(told["radius"]))
            if told != self._description(nearest) or not _agrees(nearest, rows, read):
                return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError):
            return None
        return nearest

    def remove(self) -> None:
        for suffix in (_GRAPH, _NOTE):
            for path in self._path.parent.glob(f"{self._path.name}.*{suffix}"):
                path.unlink(missing_ok=True)

    def _description(self, nearest: Nearest) -> dict[str, Any]:
        return {
            "format": 3,
            "dimension": self._dimension,
            "metric": self._metric,
            "connectivity": CONNECTIVITY,
            "count": len(nearest),
            "last_row": nearest.last_row,
            "largest": nearest.largest,
            "shortest": nearest.shortest,
            "radius": nearest.radius,
        }

    def _sweep(self, graph: Path) -> None:
        """Remove what processes that were killed in the middle of a save left behind."""
        oldest = time.time() - _ABANDONED_S
        for path in graph.parent.glob(f"{graph.name}.*.tmp"):
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()

    def _files(self, namespace: int) -> tuple[Path, Path]:
        name = f"{self._path.name}.{namespace}"
        return self._path.with_name(name + _GRAPH), self._path.with_name(name + _NOTE)


def _agrees(nearest: Nearest, rows: Rows, read: Read) -> bool:
    """Whether sampled rows, the last ones among them, have the vectors that the file has for them."""
    held = rows[rows <= nearest.last_row]
    if not len(held) or nearest.last_row > rows[-1] or len(held) < len(nearest) // 2:
        return False
    sample = np.unique(
        np.concatenate([np.linspace(0, len(held) - 1, _SAMPLE).astype(int), np.arange(len(held))[-_SAMPLE:]])
    )
    wanted, found = kept(nearest.metric, read(held[sample]))[0], nearest.vectors(held[sample])
    return bool(np.allclose(wanted, found, rtol=1.5e-2, atol=1e-3 * max(1e-6, float(np.abs(wanted).max()))))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()
