"""An answer in the making: the model's text goes in as it streams, checked pieces come out."""

import re
from collections.abc import Iterable
from dataclasses import replace

from askmesh_bot.answering.base import Citation, Delta, Passage, Sources
from askmesh_bot.answering.citations import Checked, CitationCheck
from askmesh_bot.answering.conflicts import conflict_of, told
from askmesh_bot.answering.prompt import NOT_IN_SOURCES
from askmesh_bot.answering.sentences import Piece, SentenceSplitter


class Draft:
    """What was checked so far. `refused` once the model said that the passages don't hold the answer.

    `opening` stands before the first piece that is shown, and nowhere if there is none.
    """

    def __init__(self, check: CitationCheck, opening: str = "") -> None:
        self._check, self._splitter = check, SentenceSplitter()
        self._known = check.numbering.all
        self._held = opening
        self._shown = ""
        self.citations: tuple[Citation, ...] = ()
        # What rests on each passage, by its id.
        self._said: dict[str, list[str]] = {}
        self.refused = False
        self.dropped = 0

    @property
    def answer(self) -> str:
        """The text given out, as Markdown."""
        return self._shown.strip()

    @property
    def passages(self) -> tuple[Passage, ...]:
        """All passages, as they are numbered now."""
        return self._check.numbering.all

    async def add(self, text: str) -> list[Sources | Delta | Citation]:
        """What may be shown once the model has written this."""
        return await self._checked(self._splitter.feed(text))

    async def finish(self) -> list[Sources | Delta | Citation]:
        """What may be shown now that the model is done. A lead-in that leads to nothing never is."""
        return await self._checked(self._splitter.end())

    def remark(self) -> list[Sources | Delta | Citation]:
        """What must be said of passages that disagree with the answer, once it is finished."""
        resting = [replace(one, sentence="\n\n".join(self._said[one.passage.id])) for one in self.citations]
        conflict = conflict_of(resting, self.passages)
        if conflict is None:
            return []
        cited, other = self._check.numbering.given(conflict.cited, conflict.other)
        text = told(replace(conflict, cited=cited, other=other))
        self._held = "\n\n"
        return self._show(Checked(text, (other,), sentence=text))

    async def _checked(self, pieces: Iterable[Piece]) -> list[Sources | Delta | Citation]:
        events: list[Sources | Delta | Citation] = []
        for piece in pieces:
            if NOT_IN_SOURCES in piece.text:
                self.refused = True
            if self.refused:
                break
            checked = await self._check.check(piece)
            if checked is None:
                self.dropped += 1
            elif checked.connective:
                self._held = re.sub(r"\n{3,}", "\n\n", self._held + checked.text)
            else:
                events += self._show(checked)
        return events

    def _show(self, checked: Checked) -> list[Sources | Delta | Citation]:
        before = self._held if self._shown else self._held.lstrip("\n")
        if checked.text.startswith("```") and (self._shown + before).rpartition("\n")[2].strip():
            before += "\n"
        text = before + checked.text
        self._held = ""
        self._shown += text
        for passage in checked.cited:
            # A program's figures are examples.
            self._said.setdefault(passage.id, []).append("" if checked.sentence.startswith("```") else checked.sentence)
        known = {citation.passage.number for citation in self.citations}
        new = tuple(Citation(passage, checked.sentence) for passage in checked.cited if passage.number not in known)
        self.citations += new
        # Whoever reads along must know what a number stands for before it is used.
        renumbered, self._known = self.passages != self._known, self.passages
        return [*([Sources(self._known)] if renumbered else []), Delta(text), *new]
