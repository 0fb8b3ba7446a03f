"""Builds the approximate indexes of one file in the background, from the views that searches take."""

from contextlib import suppress
from threading import Event, Lock, Thread

import numpy as np
from askmesh_kit.logs import get_logger

from askmesh_vectordb.stores.base import Metric
from askmesh_vectordb.stores.local.cache import VectorCache
from askmesh_vectordb.stores.local.matrix import View
from askmesh_vectordb.stores.local.nearest import Nearest
from askmesh_vectordb.stores.local.snapshots import Snapshots

log = get_logger("askmesh.vectordb")

_SMALLEST_STEP = 256
"""Rows that are worth waking the builder for; until then they are scored one by one."""
_ROWS_PER_STEP = 1024


class Builder:
    """`limit`: up to so many vectors of a namespace there is no approximate index."""

    def __init__(self, cache: VectorCache, snapshots: Snapshots, dimension: int, metric: Metric, limit: int) -> None:
        self._cache, self._snapshots, self._limit = cache, snapshots, limit
        self._dimension, self._metric = dimension, metric
        self._saved: dict[int, int] = {}
        self._lock = Lock()
        self._thread: Thread | None = None
        self._stop = Event()

    def tend(self, namespace: int, view: View) -> None:
        """Begin work on the approximate index of this namespace, where some is due."""
        if self._thread is None and self._is_due(view):
            with self._lock:
                if self._thread is None and not self._stop.is_set():
                    self._thread = Thread(target=self._run, args=(namespace, view), daemon=True)
                    self._thread.start()

    @property
    def idle(self) -> bool:
        return self._thread is None

    def close(self) -> None:
        self._stop.set()
        if thread := self._thread:
            thread.join()

    def _is_due(self, view: View) -> bool:
        if view.graph is None:
            return view.even and len(view.rows) > self._limit
        return view.even and (len(view.rows) - view.held >= _SMALLEST_STEP or _is_spent(view.graph, view))

    def _run(self, namespace: int, view: View) -> None:
        try:
            self._build(namespace, view)
        except Exception as error:
            # Search goes on with what there is, and the same failure is not had again and again.
            self._stop.set()
            log.error("approximate_index_failed", file=self._snapshots.name, exc_info=error)
        finally:
            self._thread = None

    def _build(self, namespace: int, view: View) -> None:
        graph = view.graph
        if graph is None or _is_spent(graph, view):
            graph = Nearest(self._dimension, self._metric, view.largest)
        if graph is view.graph:
            # What was read from a snapshot need not be saved again.
            self._saved.setdefault(namespace, len(graph))
        if view.graph is None:
            # Of use from the start: what it does not hold yet is scored one by one.
            self._cache.adopt(namespace, graph)
        if not self._grow(namespace, graph, view):
            return
        self._cache.adopt(namespace, graph)
        if 10 * abs(len(graph) - self._saved.get(namespace, 0)) >= len(graph):
            # A snapshot saves the next start some time, no more: without room for one there is none.
            with suppress(OSError, RuntimeError):
                self._snapshots.save(namespace, graph)
                self._saved[namespace] = len(graph)

    def _grow(self, namespace: int, graph: Nearest, view: View) -> bool:
        """Add what is missing; False when it was told to stop."""
        first = int(np.searchsorted(view.rows, graph.last_row, side="right"))
        places = np.arange(first, len(view.rows))
        if view.alive is not None:
            places = places[view.alive[places]]
        for start in range(0, len(places), _ROWS_PER_STEP):
            part = places[start : start + _ROWS_PER_STEP]
            vectors, within = view.rounded(part), 0
            while within < len(part):
                if self._stop.is_set():
                    return False
                within += graph.add(view.rows[part[within:]], vectors[within:])
            if view.graph is None:
                self._cache.adopt(namespace, graph)
        # Of the rows up to here that are not in it, none is alive.
        ends = [graph.last_row, view.graph.last_row if view.graph else 0, *view.rows[-1:].tolist()]
        graph.last_row = max(ends)
        return True


def _is_spent(graph: Nearest, view: View) -> bool:
    """Whether a new graph is called for: too many of its rows are dead, or a vector is too long for it."""
    living = view.held if view.alive is None else int(np.count_nonzero(view.alive[: view.held]))
    return 3 * len(graph) > 4 * living + 4 * _SMALLEST_STEP or not graph.takes(view.largest)
