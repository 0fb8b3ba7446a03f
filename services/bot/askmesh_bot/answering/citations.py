"""The citation check: each sentence is kept, with the passages that support it, or dropped, or marked."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from askmesh_bot.answering.base import Passage
from askmesh_bot.answering.markup import clean, fenced
from askmesh_bot.answering.numbering import Numbering
from askmesh_bot.answering.sentences import Piece
from askmesh_bot.answering.support import LEAST_SHARE, Evidence, Facts, facts
from askmesh_bot.answering.terms import code_spans, content_terms, without_code_spans

# How close in meaning a sentence is to passages: a cosine for each, or None where it can't be told.
Closeness = Callable[[str, Sequence[Passage]], Awaitable[Sequence[float] | None]]

_TABLE_RULE = re.compile(r"\s*\|[\s:|-]+")
# What the columns of tables are called.
_COLUMN_NAMES = (
    "argument attribute call class command default description effect event field function key limit meaning method "
    "name note number option parameter property purpose result return setting step type unit value variable version"
)
_COLUMNS = frozenset(content_terms(_COLUMN_NAMES))
_STRONG_OVERLAP = 0.75
_LEAST_TERMS = 3
_LEAD_IN_TERMS = 8
UNVERIFIED = "*(not found in the sources)*"


@dataclass(frozen=True)
class Strictness:
    """What a sentence needs. Shares and cosines, from 0 to 1."""

    min_overlap: float
    min_closeness: float
    unsupported: Literal["drop", "mark"]


@dataclass(frozen=True)
class Checked:
    """A piece of the answer as it may be shown. `connective` ones claim nothing and need something to lead to."""

    text: str
    cited: tuple[Passage, ...] = ()
    connective: bool = False
    sentence: str = ""


class CitationCheck:
    """Checks the pieces of one answer against the passages it was to be written from."""

    def __init__(self, passages: Sequence[Passage], strictness: Strictness, closeness: Closeness) -> None:
        self._by_number = {passage.number: passage for passage in passages}
        self._strictness, self._closeness = strictness, closeness
        self._everything = Evidence(tuple(passages))
        self._each = {passage.number: Evidence((passage,)) for passage in passages}
        self._table: Literal["none", "shown", "dropped"] = "none"
        self._verbatim = " ".join(passage.text for passage in passages)
        self.numbering = Numbering(passages)

    async def check(self, piece: Piece) -> Checked | None:
        """What to show of a piece; None where it is dropped."""
        if piece.kind != "prose":
            # An empty line ends a table, and so does code.
            self._table = "none" if "\n" in piece.text else self._table
            return Checked(piece.text, connective=True) if piece.kind == "space" else self._check_code(piece.text)
        body, numbers = clean(piece.text, self._verbatim)
        if not body.lstrip().startswith("|"):
            self._table = "none"
            return await self._check_prose(body, numbers)
        if self._table != "dropped" and _TABLE_RULE.fullmatch(body):
            self._table = "shown"
            return Checked(body, connective=True)
        if self._table == "none":
            head = await self._check_prose(body, numbers, head=True)
            # Rows mean nothing without their head.
            self._table = "shown" if head else "dropped"
            return head
        return None if self._table == "dropped" else await self._check_prose(body, numbers)

    async def _check_prose(self, body: str, numbers: Sequence[int], *, head: bool = False) -> Checked | None:
        if not re.search(r"\w", body):
            return None
        if _is_label(body):
            return Checked(body, connective=True) if self._everything.holds(facts(body)) else None
        cited = await self._supporting(body, [number for number in numbers if number in self._by_number])
        if cited:
            cited = self.numbering.of(cited)
            return Checked(_with_markers(body, cited), cited, sentence=_sentence(body))
        if not numbers and (self._names_columns(body) if head else _claims_nothing(body)):
            return Checked(body, connective=True)
        if self._strictness.unsupported == "mark":
            return Checked(_appended(body, UNVERIFIED))
        return None

    def _names_columns(self, head: str) -> bool:
        """Whether a table's head says nothing but what the passages say or any table may."""
        return not facts(head) and self._everything.holds_terms(set(content_terms(head)) - _COLUMNS)

    def _check_code(self, text: str) -> Checked | None:
        block = fenced(text)
        if not self._everything.holds_block(block):
            return None
        shares = {number: evidence.block_share(block) for number, evidence in self._each.items()}
        best = max(shares, key=lambda number: shares[number], default=None)
        if best is None or shares[best] < LEAST_SHARE:
            return None
        cited = self.numbering.of((self._by_number[best],))
        return Checked(f"{block}[{cited[0].number}]\n", cited, sentence=block.strip())

    async def _supporting(self, body: str, numbers: Sequence[int]) -> tuple[Passage, ...]:
        """The passages that support a sentence: the cited ones if they do, else the one that says nearly the same."""
        claims = facts(body)
        if numbers and await self._support(body, claims, numbers):
            return self._best_of(body, numbers)
        if len(content_terms(body)) < _LEAST_TERMS:
            return ()
        for number, evidence in sorted(self._each.items(), key=lambda item: (-item[1].overlap(body), item[0])):
            if evidence.overlap(body) < _STRONG_OVERLAP:
                break
            if evidence.holds(claims) and not evidence.contradicts(body):
                return (self._by_number[number],)
        return ()

    async def _support(self, body: str, claims: Facts, numbers: Sequence[int]) -> bool:
        passages = [self._by_number[number] for number in numbers]
        evidence = Evidence(passages)
        if not evidence.holds(claims) or evidence.contradicts(body):
            return False
        if evidence.overlap(body) >= self._strictness.min_overlap:
            return True
        close = await self._closeness(_sentence(body), passages)
        return close is not None and max(close) >= self._strictness.min_closeness

    def _best_of(self, body: str, numbers: Sequence[int]) -> tuple[Passage, ...]:
        """Of several cited passages, those that add something: the rest were named for good measure."""
        overlaps = {number: self._each[number].overlap(body) for number in numbers}
        kept = [number for number in numbers if overlaps[number] >= max(overlaps.values()) / 2]
        evidence = Evidence([self._by_number[number] for number in kept])
        if not evidence.holds(facts(body)) or evidence.contradicts(body):
            kept = list(numbers)
        return tuple(self._by_number[number] for number in kept)


def _claims_nothing(body: str) -> bool:
    if facts(body):
        return False
    heading = re.match(r"[ \t]*#{1,6}[ \t]", body) is not None
    terms = len(content_terms(body))
    return not terms or ((heading or body.rstrip().rstrip("*_").endswith(":")) and terms <= _LEAD_IN_TERMS)


def _is_label(body: str) -> bool:
    """A name alone on its line, as above a definition: it says nothing, but what it names must be there."""
    return bool(code_spans(body)) and not re.search(r"\w", without_code_spans(body))


def _with_markers(body: str, cited: Sequence[Passage]) -> str:
    return _appended(body, "".join(f"[{passage.number}]" for passage in cited))


def _appended(body: str, mark: str) -> str:
    """The mark after the sentence, before the blanks that end it and inside the last cell of a table's row."""
    text = body.rstrip()
    blanks = body[len(text) :] or " "
    if text.endswith("|"):
        return f"{text[:-1].rstrip()} {mark} |{blanks}"
    return f"{text} {mark}{blanks}"


def _sentence(body: str) -> str:
    return " ".join(re.sub(r"^[ \t]*(?:[-*+•>]|\d{1,3}[.)]|#{1,6})[ \t]+", "", body).split())
