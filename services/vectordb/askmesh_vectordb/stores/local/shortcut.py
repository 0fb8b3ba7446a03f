"""A search that has nothing to wait for is answered on the event loop itself.

The way to a thread and back takes up to a quarter of what a search takes. What there may be to wait for is left to the
threads: other operations, a lock, changes that are to be read, a graph that is being built, vectors to be compared one
by one. Readers of a SQLite file wait for no writer. What remains is the disk, where a record is not in the system's
cache, which no call tells beforehand: when a search has waited for it, the next ones go to the threads for a while, so
that the loop waits for a twentieth of its time at most.
"""

import sqlite3
import sys
import time

if sys.platform == "linux":
    import resource

from askmesh_vectordb.stores.base import Match, Query, StoreError
from askmesh_vectordb.stores.local import planner, reads
from askmesh_vectordb.stores.local.index_file import IndexFile

_MOST_MATCHES, _LARGEST_DIMENSION = 20, 4096
_LONG_S, _TOO_LONG_S, _PAUSE = 0.002, 0.25, 20
"""A search that took long, and read from the disk, or too long for whatever reason, is followed by a pause so many
times as long."""


class Shortcut:
    """Used by one event loop."""

    def __init__(self) -> None:
        self._closed_until = 0.0

    def query(self, file: IndexFile, namespace: str, wanted: Query) -> list[Match] | None:
        """None where a thread is to answer, or to say what fails."""
        began = time.perf_counter()
        if began < self._closed_until or not file.is_quiet or not _is_small(file, wanted):
            return None
        read_before = _disk_reads()
        try:
            with file.searching(namespace, wait=False) as (connection, number, view):
                if view is None or not planner.is_quick(view, file.exact_limit):
                    return None
                return reads.query(connection, number, view, file.exact_limit, wanted)
        except (StoreError, sqlite3.Error, OSError):
            return None
        finally:
            took = time.perf_counter() - began
            # On a busy machine most of what takes long has read nothing: others had the processor.
            if took > _TOO_LONG_S or (took > _LONG_S and _disk_reads() != read_before):
                self._closed_until = began + (1 + _PAUSE) * took


def _is_small(file: IndexFile, wanted: Query) -> bool:
    return (
        wanted.vector is not None
        and len(wanted.vector) == file.dimension <= _LARGEST_DIMENSION
        and wanted.top_k <= _MOST_MATCHES
        and not wanted.filter
        # What has no direction is compared with every vector.
        and bool(wanted.vector[0] or wanted.vector.any())
    )


def _disk_reads() -> float:
    """What grows when this thread reads from the disk; where the system does not tell that, the time."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_inblock if sys.platform == "linux" else time.perf_counter()
