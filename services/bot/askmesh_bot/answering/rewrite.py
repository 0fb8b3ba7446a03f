"""A follow-up as a question that stands alone: what it leaves out is taken from what was asked before."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from askmesh_bot.answering.base import Turn
from askmesh_bot.answering.terms import content_terms, stem, words

_CARRIED_TERMS = 12
_OPENERS = re.compile(
    r"^\W*(?:and|but|or|so|then|also|what about|how about|what if|why|same (?:for|with)|instead|otherwise|ok(?:ay)?,?)\b",
    re.I,
)
_REFERENCES = re.compile(
    r"\b(?:it|its|itself|that|this|these|those|they|them|their|there|one|ones|he|she|his|her|"
    r"(?:the )?(?:same|former|latter|other|others|previous|above|first|second|last one)|else|instead)\b",
    re.I,
)
# `that`, `this` and `one` also stand in full questions; those name at least this many things of their own.
_SELF_CONTAINED_TERMS = 5


@dataclass(frozen=True)
class Rewritten:
    """What to search for. `raw` is searched too: the rules may be wrong."""

    raw: str
    # Key terms of what the question follows; empty when it stands alone.
    carried: tuple[str, ...] = ()

    @property
    def follow_up(self) -> bool:
        return bool(self.carried)

    @property
    def standalone(self) -> str:
        return " ".join([self.raw.rstrip(), *self.carried])


def rewrite(question: str, history: Sequence[Turn]) -> Rewritten:
    """The question with the key terms of the one it follows, if it follows one."""
    standalone, carried = "", tuple[str, ...]()
    for text in (*(turn.question for turn in history), question):
        carried = _carried(text, standalone) if standalone and is_follow_up(text) else ()
        standalone = Rewritten(text, carried).standalone
    return Rewritten(question, carried)


def is_follow_up(question: str) -> bool:
    """Whether a question leaves out what it is about: it opens like a continuation, refers back, or names little."""
    terms = content_terms(question)
    if _OPENERS.search(question):
        return len(terms) < _SELF_CONTAINED_TERMS
    if _REFERENCES.search(question):
        return len(terms) < _SELF_CONTAINED_TERMS
    return len(terms) <= 1


def _carried(question: str, previous: str) -> tuple[str, ...]:
    carried: dict[str, str] = {}
    wanted = set(content_terms(previous)) - set(content_terms(question))
    for word in words(previous):
        if stem(word) in wanted:
            carried.setdefault(stem(word), word)
    return tuple(carried.values())[:_CARRIED_TERMS]
