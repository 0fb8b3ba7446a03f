"""Sorts vectors into groups: average-linkage agglomeration by cosine, in O(n²) time by nearest-neighbour chains.

F. Murtagh, "A survey of recent advances in hierarchical clustering algorithms", The Computer Journal 26(4), 1983.
"""

from collections.abc import Sequence
from math import sqrt
from operator import mul


def clusters(vectors: Sequence[Sequence[float]], closeness: float) -> list[list[int]]:
    """Groups of indices, the largest first: the closest two are joined again and again while the mean cosine between
    their members is at least `closeness`."""
    linkage = _Linkage(vectors)
    chain: list[int] = []
    finished: list[list[int]] = []
    while linkage.groups:
        chain = chain or [next(iter(linkage.groups))]
        last, before = chain[-1], chain[-2] if len(chain) > 1 else -1
        nearest = linkage.nearest(last, before)
        if nearest is None or linkage.between(last, nearest) < closeness:
            # Nothing will come nearer: joining others only averages.
            finished.append(linkage.groups.pop(chain.pop()))
        elif nearest == before:
            del chain[-2:]
            linkage.join(nearest, last)
        else:
            chain.append(nearest)
    return sorted((sorted(group) for group in finished), key=lambda group: (-len(group), group))


class _Linkage:
    """Groups of vectors, and the mean cosine between the members of any two."""

    def __init__(self, vectors: Sequence[Sequence[float]]) -> None:
        unit = [_normalised(vector) for vector in vectors]
        self.groups = {index: [index] for index in range(len(unit))}
        # Of each index with those below it.
        self._likeness = [[float(sum(map(mul, one, other))) for other in unit[:n]] for n, one in enumerate(unit)]

    def between(self, one: int, other: int) -> float:
        return self._likeness[max(one, other)][min(one, other)]

    def nearest(self, group: int, before: int) -> int | None:
        """The closest other group, of equally close ones `before`; None where it is the last."""
        others = (other for other in self.groups if other != group)
        return max(others, key=lambda other: (self.between(group, other), other == before), default=None)

    def join(self, one: int, other: int) -> None:
        """Put `other` into `one`: Lance and Williams's formula for the likeness to the rest."""
        sizes = len(self.groups[one]), len(self.groups[other])
        for third in self.groups:
            if third not in (one, other):
                mean = sizes[0] * self.between(one, third) + sizes[1] * self.between(other, third)
                self._likeness[max(one, third)][min(one, third)] = mean / sum(sizes)
        self.groups[one] += self.groups.pop(other)


def central(vectors: Sequence[Sequence[float]], group: Sequence[int]) -> list[int]:
    """The group's members, those nearest to its mean first."""
    unit = {index: _normalised(vectors[index]) for index in group}
    mean = [sum(parts) for parts in zip(*unit.values(), strict=True)]
    return sorted(group, key=lambda index: (-sum(map(mul, unit[index], mean)), index))


def _normalised(vector: Sequence[float]) -> list[float]:
    length = sqrt(sum(map(mul, vector, vector))) or 1.0
    return [value / length for value in vector]
