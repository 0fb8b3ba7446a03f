"""How far a run of learning has got."""

import time
from dataclasses import dataclass, field
from typing import Literal

RunState = Literal["running", "done", "failed", "cancelled"]


@dataclass
class SyncProgress:
    """One run. `chunks_kept` were learned before and have not changed; times are in seconds."""

    run: str
    source: str
    state: RunState = "running"
    documents_total: int | None = None
    documents_done: int = 0
    documents_changed: int = 0
    documents_deleted: int = 0
    chunks_embedded: int = 0
    chunks_kept: int = 0
    chunks_deleted: int = 0
    error: str = ""
    fix: str = ""
    note: str = ""  # what a run that makes no headway is waiting for
    _began: float = field(default_factory=time.monotonic, repr=False)

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began

    @property
    def chunks_per_s(self) -> float:
        return self.chunks_embedded / max(self.elapsed_s, 1e-3)

    @property
    def seconds_left(self) -> float | None:
        """By the share of documents done; None before any is."""
        if not self.documents_total or not self.documents_done:
            return None
        return self.elapsed_s * (self.documents_total - self.documents_done) / self.documents_done
