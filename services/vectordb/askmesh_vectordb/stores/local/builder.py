"""Builds the approximate indexes of one file in the background, and keeps snapshots of them beside the file.

A snapshot is two files, each written under another name and renamed: the graph, and a note of what it holds with the
graph's digest. It is used only when everything about it agrees with the file; on any doubt it is built anew.
"""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

import numpy as np
from askmesh_kit.logs import get_logger

from askmesh_vectordb.stores.base import Metric
from askmesh_vectordb.stores.local.matrix import View
from askmesh_vectordb.stores.local.nearest import CONNECTIVITY, METRICS, Nearest

log = get_logger("askmesh.vectordb")

_SMALLEST_STEP = 256
"""Rows that are worth waking the builder for; until then they are scored one by one."""
_SAMPLE = 64
_GRAPH, _NOTE = ".usearch", ".json"


class Builder:
    """`limit`: up to so many vectors of a namespace there is no approximate index."""

    def __init__(self, path: Path, dimension: int, metric: Metric, limit: int) -> None:
        self._path, self._dimension, self._metric, self._limit = path, dimension, metric, limit
        self._ready: dict[int, Nearest] = {}
        self._saved: dict[int, int] = {}
        self._lock = Lock()
        self._thread: Thread | None = None
        self._stop = Event()

    def nearest(self, namespace: int, view: View) -> Nearest | None:
        """The approximate index to search this view with, if there is one; work on it is begun where it is due."""
        if len(view.rows) <= self._limit or self._metric not in METRICS:
            return None
        found = self._ready.get(namespace)
        if self._thread is None and (found is None or self._is_due(found, view)):
            with self._lock:
                if self._thread is None and not self._stop.is_set():
                    self._thread = Thread(target=self._run, args=(namespace, view), daemon=True)
                    self._thread.start()
        return found

    def close(self) -> None:
        self._stop.set()
        if thread := self._thread:
            thread.join()

    def remove(self) -> None:
        """Remove the snapshots."""
        for suffix in (_GRAPH, _NOTE):
            for path in self._path.parent.glob(f"{self._path.name}.*{suffix}"):
                path.unlink(missing_ok=True)

    def _is_due(self, nearest: Nearest, view: View) -> bool:
        start = int(np.searchsorted(view.rows, nearest.last_row, side="right"))
        return len(view.rows) - start >= _SMALLEST_STEP or self._is_wasteful(nearest, view, start)

    def _is_wasteful(self, nearest: Nearest, view: View, start: int) -> bool:
        living = start if view.alive is None else int(np.count_nonzero(view.alive[:start]))
        return 3 * len(nearest) > 4 * living + 4 * _SMALLEST_STEP

    def _run(self, namespace: int, view: View) -> None:
        try:
            self._build(namespace, view)
        except Exception as error:
            # Search stays exact, and the same failure is not had again and again.
            self._stop.set()
            log.error("approximate_index_failed", file=self._path.name, exc_info=error)
        finally:
            self._thread = None

    def _build(self, namespace: int, view: View) -> None:
        known = self._ready.get(namespace)
        start = int(np.searchsorted(view.rows, known.last_row, side="right")) if known else 0
        if known is None:
            nearest = self._ready[namespace] = self._restored(namespace, view) or self._empty()
        else:
            nearest = self._empty() if self._is_wasteful(known, view, start) else known
        if self._grow(nearest, view):
            self._ready[namespace] = nearest
            if 10 * abs(len(nearest) - self._saved.get(namespace, 0)) >= len(nearest):
                # A snapshot saves the next start some time, no more: without room for one there is none.
                with suppress(OSError, RuntimeError):
                    self._save(namespace, nearest)

    def _empty(self) -> Nearest:
        return Nearest(self._dimension, self._metric)

    def _grow(self, nearest: Nearest, view: View) -> bool:
        """Add what is missing; False when it was told to stop."""
        places = np.arange(np.searchsorted(view.rows, nearest.last_row, side="right"), len(view.rows))
        if view.alive is not None:
            places = places[view.alive[places]]
        done = 0
        while done < len(places):
            part = places[done : done + 1024]
            vectors, within = view.vectors(part), 0
            while within < len(part):
                if self._stop.is_set():
                    return False
                within += nearest.add(view.rows[part[within:]], vectors[within:])
            done += len(part)
        return True

    def _save(self, namespace: int, nearest: Nearest) -> None:
        graph, note = self._files(namespace)
        fresh = graph.with_name(f"{graph.name}.{os.getpid()}.tmp")
        try:
            nearest.save(fresh)
            content = json.dumps(self._description(nearest) | {"digest": _digest(fresh)})
            note.unlink(missing_ok=True)
            os.replace(fresh, graph)
            fresh.write_text(content)
            os.replace(fresh, note)
        finally:
            fresh.unlink(missing_ok=True)
        self._saved[namespace] = len(nearest)

    def _restored(self, namespace: int, view: View) -> Nearest | None:
        """The snapshot, if there is one that agrees with the vectors."""
        graph, note = self._files(namespace)
        nearest = self._empty()
        try:
            told: dict[str, Any] = json.loads(note.read_text())
            if told.pop("digest") != _digest(graph):
                return None
            nearest.load(graph)
            nearest.last_row = int(told["last_row"])
            if told != self._description(nearest) or not self._agrees(nearest, view):
                return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError):
            return None
        self._saved[namespace] = len(nearest)
        return nearest

    def _agrees(self, nearest: Nearest, view: View) -> bool:
        """Whether sampled rows, the last ones among them, have the vectors that the file has for them."""
        start = int(np.searchsorted(view.rows, nearest.last_row, side="right"))
        living = np.arange(start) if view.alive is None else np.flatnonzero(view.alive[:start])
        if nearest.last_row > view.rows[-1] or len(living) < len(nearest) // 2:
            return False
        sample = np.unique(
            np.concatenate([np.linspace(0, len(living) - 1, _SAMPLE).astype(int), np.arange(len(living))[-_SAMPLE:]])
        )
        wanted, found = view.vectors(living[sample]), nearest.vectors(view.rows[living[sample]])
        return bool(np.allclose(wanted, found, rtol=1e-2, atol=1e-3 * max(view.largest, 1e-6)))

    def _description(self, nearest: Nearest) -> dict[str, Any]:
        return {
            "format": 1,
            "dimension": self._dimension,
            "metric": self._metric,
            "connectivity": CONNECTIVITY,
            "count": len(nearest),
            "last_row": nearest.last_row,
        }

    def _files(self, namespace: int) -> tuple[Path, Path]:
        name = f"{self._path.name}.{namespace}"
        return self._path.with_name(name + _GRAPH), self._path.with_name(name + _NOTE)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()
