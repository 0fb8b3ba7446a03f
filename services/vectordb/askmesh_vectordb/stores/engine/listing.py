"""Pages in id order from an engine that knows no order: its ids are read once and sorted for the first page, and kept
a while for the pages after it."""

import time
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Iterable

# Index, namespace, and the filter as JSON.
Key = tuple[str, str, str]
_MOST = 8
_KEPT_S = 60.0


class Listings:
    """The listings in use, a few of them. What this process writes meanwhile is in them; ids that another process adds
    are seen by listings begun later. What is listed may be gone, and needs to be read."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, tuple[float, list[str]]] = OrderedDict()

    def find(self, key: Key) -> list[str] | None:
        """In id order."""
        used, ids = self._kept.get(key, (0.0, None))
        if ids is None or used + _KEPT_S < time.monotonic():
            self._kept.pop(key, None)
            return None
        return self.keep(key, ids)

    def keep(self, key: Key, ids: list[str]) -> list[str]:
        self._kept[key] = time.monotonic(), ids
        self._kept.move_to_end(key)
        while len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return ids

    def wrote(self, index: str, namespace: str, names: Iterable[str]) -> None:
        """These may be new, or satisfy a filter that they did not."""
        for key, (_, ids) in self._kept.items():
            if key[:2] == (index, namespace):
                for name in names:
                    place = bisect_left(ids, name)
                    if place == len(ids) or ids[place] != name:
                        insort(ids, name)

    def forget(self, index: str) -> None:
        for key in [key for key in self._kept if key[0] == index]:
            del self._kept[key]


def after(ids: list[str], cursor: str | None, prefix: str) -> range:
    """The places in a listing of what comes after a cursor and has a prefix."""
    start = 0 if cursor is None else bisect_right(ids, cursor)
    # Ids are ASCII, so nothing with the prefix comes after this.
    return range(max(start, bisect_left(ids, prefix)), bisect_left(ids, prefix + "\x80"))
