"""Where the passages disagree: a message that a later one of its thread takes back, and the same thing said elsewhere
with other figures, as changed, or as gone. The rules are words and figures; what contradicts in other ways is not noticed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from askmesh_bot.answering.base import Citation, Passage
from askmesh_bot.answering.dating import newer
from askmesh_bot.answering.figures import figures
from askmesh_bot.answering.retrieval import Candidate
from askmesh_bot.answering.terms import content_terms, identifiers

# What a thread's chunk has instead of a message that a later one takes back: its first words, in a heading line.
_TAKEN_BACK = re.compile(r"^# [^\n]*?\(corrected below\)(?::\s*(?P<said>[^\n]*))?$", re.M)
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n\s*\n|\n(?=[ \t]*(?:[-*+•#|>]|\d{1,3}[.)])[ \t])")
_CHANGE = re.compile(
    r"\b(?:chang|rais|lower|increas|decreas|reduc|bump|mov|switch)\w*\b[^.!?\n]{0,60}?\bfrom\s+[`“\"]?"
    r"(?P<old>\d[\d.]{0,20})[`”\"]?\s+to\s+[`“\"]?(?P<new>\d[\d.]{0,20}\b)"
)
# What is said of a name that is no more, or soon won't be.
_GONE = re.compile(
    r"(?<![\w.])(?P<name>[A-Za-z_][\w.]{3,60})(?:\(\))?[`*]*\s+(?:(?:is|are|was|were|has been|have been|got|will be)\s+)?(?:now\s+)?"
    r"(?P<state>deprecated|removed|renamed|no longer (?:supported|available|exists))\b",
    re.I,
)
_HEADING = re.compile(r"^#{1,6} [^\n]*$", re.M)
# The remarks about conflicts, by how they begin.
_LATER, _CORRECTED, _DIFFER = (
    "Note: a later message of this thread corrects an earlier one",
    "Note: what stands here was corrected later in the same thread",
    "Note: the sources differ here",
)
REMARKS = (_LATER, _CORRECTED, _DIFFER)
# Two sentences say the same thing when they share so much of all their terms, and not less than so many.
_SAME, _LEAST_TERMS = 0.6, 3
_LONGEST = 400


@dataclass(frozen=True)
class Conflict:
    """What was cited, what speaks against it, and the words that differ. `other` is the cited passage where the
    correction is in the same thread; `newer` is the one of both that is newer or more trusted, if that can be told."""

    cited: Passage
    other: Passage
    ours: str = ""
    theirs: str = ""
    newer: Passage | None = None
    # The answer rests on what was taken back.
    outdated: bool = False


@dataclass(frozen=True)
class _Statement:
    terms: frozenset[str]
    figures: frozenset[str]
    # What was changed, from what and to what.
    change: tuple[str, str] | None
    # Names that are said to be gone, with the word for it.
    gone: tuple[tuple[str, str], ...] = ()
    names: frozenset[str] = frozenset()


def conflict_of(citations: Sequence[Citation], passages: Sequence[Passage]) -> Conflict | None:
    """The first conflict between what is cited and the passages that were found, or None."""
    for citation in citations:
        if found := _taken_back(citation) or _said_otherwise(citation, passages):
            return found
    return None


def newer_first(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates in their order, but of two that say the same thing with other figures the newer before the older."""
    ordered = list(candidates)
    for place in range(len(ordered)):
        for later in range(place + 1, len(ordered)):
            one, other = ordered[place].passage, ordered[later].passage
            if newer(one, other) is other and any(_differ(*pair) for pair in _pairs(one, other)):
                ordered.insert(place, ordered.pop(later))
    return ordered


def told(conflict: Conflict) -> str:
    """The fixed sentence about it."""
    cited, other = f"[{conflict.cited.number}]", f"[{conflict.other.number}]"
    if conflict.cited.id == conflict.other.id:
        if conflict.outdated:
            return f"{_CORRECTED}. {cited}"
        return f"{_LATER}; this is the later one. {cited}"
    first, second = (conflict.theirs, other), (conflict.ours, cited)
    if conflict.newer is not None and conflict.newer.id == conflict.cited.id:
        first, second = second, first
    known = "" if conflict.newer is None else "; the first is newer or more trusted"
    return f"{_DIFFER}: {first[0]} {first[1]} and {second[0]} {second[1]}{known}."


def _taken_back(citation: Citation) -> Conflict | None:
    passage = citation.passage
    marks = list(_TAKEN_BACK.finditer(passage.text)) if passage.kind == "thread" else []
    if not marks:
        return None
    said = set(content_terms(citation.sentence))
    corrected = set(content_terms(" ".join(mark["said"] or "" for mark in marks)))
    left = set(content_terms(_TAKEN_BACK.sub("", passage.text)))
    return Conflict(passage, passage, newer=passage, outdated=len(said & corrected) > len(said & left))


def _said_otherwise(citation: Citation, passages: Sequence[Passage]) -> Conflict | None:
    cited = citation.passage
    ours = [_statement(text) for text in _SENTENCE.split(citation.sentence)]
    known = figures(cited.text)
    gone = {name for one in _statements(cited.text) for name, _ in one.gone}
    for other in passages:
        if _same_document(cited, other):
            continue
        for one in ours:
            for theirs in _statements(other.text):
                if (said := _differ(one, theirs)) and said[1] not in known:
                    later = other if theirs.change else newer(cited, other)
                    return Conflict(cited, other, *said, newer=later)
                if said := next((said for said in theirs.gone if said[0] in one.names - gone), None):
                    return Conflict(cited, other, f"`{said[0]}`", f"`{said[0]}` {said[1]}", newer(cited, other))
    return None


def _same_document(one: Passage, other: Passage) -> bool:
    return (one.source, one.document) == (other.source, other.document)


def _pairs(one: Passage, other: Passage) -> list[tuple[_Statement, _Statement]]:
    if _same_document(one, other):
        return []
    return [(mine, theirs) for mine in _statements(one.text) for theirs in _statements(other.text)]


def _differ(one: _Statement, other: _Statement) -> tuple[str, str] | None:
    """The figures by which two statements of the same thing differ, or None."""
    shared = one.terms & other.terms
    # The setting that was changed must be named in both.
    if other.change and one.change is None and one.names & other.names:
        old, new = other.change
        if old in one.figures and new not in one.figures:
            return old, new
    if len(shared) < _LEAST_TERMS or len(shared) < _SAME * len(one.terms | other.terms):
        return None
    if not one.figures or not other.figures or one.figures & other.figures:
        return None
    return min(one.figures), min(other.figures)


@lru_cache(maxsize=512)
def _statements(text: str) -> tuple[_Statement, ...]:
    """The sentences of a passage that have figures or tell of what is gone."""
    # A heading says nothing; that of a thread's message has a date.
    sentences = _SENTENCE.split(_HEADING.sub("", text))
    found = (_statement(sentence) for sentence in sentences if len(sentence) <= _LONGEST)
    return tuple(one for one in found if one.figures or one.gone)


def _statement(text: str) -> _Statement:
    change = _CHANGE.search(text)
    names = identifiers(text)
    return _Statement(
        terms=frozenset(term for term in content_terms(text) if not term[0].isdigit()) | frozenset(names),
        figures=figures(text),
        change=(change["old"], change["new"]) if change else None,
        gone=tuple((match["name"], match["state"].lower()) for match in _GONE.finditer(text)),
        names=frozenset(names),
    )
