"""Builds the approximate indexes of one file in the background, from what searches have read."""

import time
from contextlib import suppress
from threading import Event, Lock, Thread

import numpy as np
from askmesh_kit.logs import get_logger

from askmesh_vectordb.stores.base import Metric
from askmesh_vectordb.stores.local.blocks import Vectors
from askmesh_vectordb.stores.local.cache import VectorCache
from askmesh_vectordb.stores.local.nearest import Nearest
from askmesh_vectordb.stores.local.snapshots import Snapshots
from askmesh_vectordb.stores.local.view import Rows, View

log = get_logger("askmesh.vectordb")

_SMALLEST_STEP = 256
"""Rows that are worth waking the builder for; until then they are scored one by one."""
_ROWS_PER_STEP = 1024
_NOTABLE_WAIT_S, _LONGEST_REST_S = 0.002, 0.05


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
        if self._thread is None and self.is_due(view):
            with self._lock:
                if self._thread is None and not self._stop.is_set():
                    self._thread = Thread(target=self._run, args=(namespace,), daemon=True)
                    self._thread.start()

    @property
    def idle(self) -> bool:
        return self._thread is None

    def close(self) -> None:
        self._stop.set()
        if thread := self._thread:
            thread.join()

    def is_due(self, view: View) -> bool:
        """Whether an approximate index is to be built, or to be added to."""
        if view.graph is None:
            return view.even and len(view.rows) > self._limit
        return view.even and (len(view.rows) - view.held >= _SMALLEST_STEP or _is_spent(view.graph, view))

    def _run(self, namespace: int) -> None:
        try:
            self._build(namespace)
        except Exception as error:
            # Search goes on with what there is, and the same failure is not had again and again.
            self._stop.set()
            log.error("approximate_index_failed", file=self._snapshots.name, exc_info=error)
        finally:
            self._thread = None

    def _build(self, namespace: int) -> None:
        view = self._cache.view(namespace)
        if view is None or not self.is_due(view):
            return
        old = view.graph
        graph = Nearest(self._dimension, self._metric, view.largest) if old is None or _is_spent(old, view) else old
        if graph is old:
            # What was read from a snapshot need not be saved again.
            self._saved.setdefault(namespace, len(graph))
        upto = max([old.last_row if old else 0, *view.rows[-1:].tolist()])
        # What a view looks at cannot be let go: none is kept while the graph grows.
        del view
        # A first graph is of use from the start: what it does not hold yet is scored one by one.
        if not self._grow(namespace, graph, upto, adopt=graph is old or old is None):
            return
        self._cache.adopt(namespace, graph)
        if 10 * abs(len(graph) - self._saved.get(namespace, 0)) >= len(graph):
            # A snapshot saves the next start some time, no more: without room for one there is none.
            with suppress(OSError, RuntimeError):
                self._snapshots.save(namespace, graph)
                self._saved[namespace] = len(graph)

    def _grow(self, namespace: int, graph: Nearest, upto: int, *, adopt: bool) -> bool:
        """Add what it lacks of the rows up to this one; False when that was broken off."""
        while not self._stop.is_set():
            found = self._missing(namespace, graph, upto)
            if found is None:
                return False
            rows, vectors = found
            if not len(rows):
                # None of the others up to there is alive.
                graph.last_row = max(graph.last_row, upto)
                return True
            done = 0
            while done < len(rows) and not self._stop.is_set():
                began, worked = time.perf_counter(), time.thread_time()
                done += graph.add(rows[done:], vectors[done:])
                self._rest(time.perf_counter() - began - (time.thread_time() - worked))
            if adopt:
                self._cache.adopt(namespace, graph)
        return False

    def _rest(self, waited_s: float) -> None:
        """On a busy machine, pause for as long as others kept the thread waiting: the system lets one that takes less
        than its share finish, where it would stop one that takes all it gets, with searches waiting at the gate."""
        if waited_s > _NOTABLE_WAIT_S:
            self._stop.wait(min(waited_s, _LONGEST_REST_S))

    def _missing(self, namespace: int, graph: Nearest, upto: int) -> tuple[Rows, Vectors] | None:
        """Some living rows that it lacks, and their vectors; None where it cannot take them any more."""
        view = self._cache.view(namespace)
        if view is None or not graph.takes(view.largest):
            return None
        first, end = np.searchsorted(view.rows, [graph.last_row, upto], side="right")
        places = np.arange(first, end) if view.alive is None else first + np.flatnonzero(view.alive[first:end])
        places = places[:_ROWS_PER_STEP]
        return view.rows[places], view.vectors(places)


def _is_spent(graph: Nearest, view: View) -> bool:
    """Whether a new graph is called for: too many of its rows are dead, or a vector is too long for it."""
    living = view.held if view.alive is None else int(np.count_nonzero(view.alive[: view.held]))
    return 3 * len(graph) > 4 * living + 4 * _SMALLEST_STEP or not graph.takes(view.largest)
