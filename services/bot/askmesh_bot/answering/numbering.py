"""Numbers of passages as readers see them: those that are cited first come first."""

from collections.abc import Sequence
from dataclasses import replace

from askmesh_bot.answering.base import Passage


class Numbering:
    """Gives each passage its number when it is cited for the first time. A number once given stays."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = tuple(passages)
        self._used: list[Passage] = []

    def of(self, passages: Sequence[Passage]) -> tuple[Passage, ...]:
        """These passages with their numbers, which count from 1 by first use."""
        for passage in passages:
            if passage not in self._used:
                self._used.append(passage)
        return tuple(replace(passage, number=self._used.index(passage) + 1) for passage in passages)

    def given(self, *passages: Passage) -> tuple[Passage, ...]:
        """The same, for passages that have numbers of readers already."""
        by_id = {passage.id: passage for passage in self._passages}
        return self.of([by_id[passage.id] for passage in passages])

    @property
    def all(self) -> tuple[Passage, ...]:
        """Every passage: the cited ones with their numbers, then the others, in the order they were given."""
        rest = [passage for passage in self._passages if passage not in self._used]
        return tuple(replace(passage, number=n) for n, passage in enumerate([*self._used, *rest], start=1))
