"""What a contender can do. Each is used as its own documentation says, with HNSW of M = 16 and ef 128/128 where it
lets one choose, and with an index on the metadata field `n` where it knows such indexes."""

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

M, EF_CONSTRUCTION, EF_SEARCH = 16, 128, 128


class Contender(ABC):
    """Opened on a folder, which may be empty. Ids are numbers; `below` keeps records with `n` below it."""

    def __init__(self, folder: Path, dimension: int) -> None:
        self.folder, self.dimension = folder, dimension

    @abstractmethod
    def open(self) -> None: ...

    @abstractmethod
    def write(self, first: int, vectors: Any) -> None:
        """Insert or replace the records first, first + 1, …"""

    def finish(self) -> None:
        """After the last write of a load: returns when queries are as quick as they get."""
        return

    def notes(self) -> dict[str, float]:
        """What else there is to say about the load."""
        return {}

    @abstractmethod
    def query(self, vector: Any, top_k: int, below: int | None) -> list[int]: ...

    @abstractmethod
    def close(self) -> None: ...

    def disk(self) -> Path:
        """Where it keeps its data."""
        return self.folder

    def process(self) -> int:
        """The process that holds the data."""
        return os.getpid()
