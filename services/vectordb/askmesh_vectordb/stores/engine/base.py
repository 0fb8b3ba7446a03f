"""The part of a store that differs between plain vector engines; `store.EngineStore` makes a whole store of it.

An engine keeps points under keys and finds near ones. It need not know an order of ids, evaluate filters exactly, merge
metadata or search text. What it raises is a StoreError.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence

from askmesh_vectordb.filters import Filter
from askmesh_vectordb.stores.base import Capabilities, IndexInfo, Match, Record, Vector

_REMEMBERED_S = 30.0


class VectorEngine(ABC):
    """Asynchronous; safe to call from many tasks. A call on an index that is not there raises IndexNotFound; one on a
    namespace that is not there finds nothing. A filter may be applied more weakly than it says: what comes back is
    looked at again."""

    capabilities: Capabilities

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, IndexInfo]] = {}

    async def known(self, index: str) -> IndexInfo:
        """As `describe`, remembered for a while: another process may make an index anew."""
        asked, info = self._known.get(index, (0.0, None))
        if info is None or asked + _REMEMBERED_S < time.monotonic():
            info = await self.describe(index)
            self._known[index] = time.monotonic(), info
        return info

    def forget(self, index: str) -> None:
        """What is remembered of an index."""
        self._known.pop(index, None)

    @abstractmethod
    async def create(self, info: IndexInfo) -> bool:
        """False where an index of that name exists."""

    @abstractmethod
    async def describe(self, index: str) -> IndexInfo: ...

    @abstractmethod
    async def names(self) -> list[str]: ...

    @abstractmethod
    async def save(self, info: IndexInfo) -> None:
        """Keep new tags and protection."""

    @abstractmethod
    async def drop(self, index: str) -> None: ...

    @abstractmethod
    async def write(self, index: str, namespace: str, records: Sequence[Record]) -> None:
        """Replace whole records; no two of them have one id."""

    @abstractmethod
    async def remove(self, index: str, namespace: str, ids: Sequence[str]) -> None: ...

    @abstractmethod
    async def clear(self, index: str, namespace: str) -> None: ...

    @abstractmethod
    async def nearest(
        self,
        index: str,
        namespace: str,
        vector: Vector,
        limit: int,
        chosen: Filter | None,
        *,
        metadata: bool,
    ) -> list[Match]:
        """Best first, without values. Fewer than `limit` only where there are no more."""

    @abstractmethod
    async def read(self, index: str, namespace: str, ids: Sequence[str]) -> dict[str, Record]:
        """The records that exist, whole."""

    @abstractmethod
    async def ids(self, index: str, namespace: str, chosen: Filter | None) -> list[str]:
        """All of them, in any order."""

    @abstractmethod
    async def counts(self, index: str, chosen: Filter | None) -> dict[str, int]:
        """Records by namespace, with the namespaces that are empty where there is no filter."""

    @abstractmethod
    def exact(self, index: str, chosen: Filter) -> bool:
        """Whether a call that is made now on an index that is known applies this filter as it stands, so that nothing
        needs to be looked at again."""

    @abstractmethod
    async def create_namespace(self, index: str, namespace: str) -> bool:
        """False where it exists."""

    @abstractmethod
    async def drop_namespace(self, index: str, namespace: str) -> None:
        """With its records; nothing where there is none."""

    @abstractmethod
    async def check(self) -> None:
        """Raises a StoreError where the engine cannot work now."""

    @abstractmethod
    async def close(self) -> None: ...
