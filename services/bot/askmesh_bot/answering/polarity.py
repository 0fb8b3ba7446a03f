"""Whether a sentence denies what passages affirm, or affirms what they deny. English only."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from askmesh_bot.answering.terms import content_terms, stems

_NEGATION = re.compile(
    r"(?<![^\W_])(?<!or )(?:not(?! only\b| just\b| necessarily\b)|never|no|none|nobody|nothing|nowhere|neither|nor|without"
    r"|cannot|avoid(?:s|ed|ing)?|unable|impossible|forbid(?:s|den)?|prohibit(?:s|ed)?|[^\W\d_]{1,12}n['’]t"
    r"|(?:do|does|did|is|are|was|were|ca|wo|should|must|could|would)nt)(?![^\W_]|-\w)",
    re.I,
)
# Words that may say the same as a negation; they need none themselves.
_DENIAL = re.compile(
    r"\b(?:un\w{4,}|in(?:valid|correct|compatible|sufficient)\w*|dis\w{4,}|fail\w*|rais\w+|refus\w+|reject\w*|ignor\w+"
    r"|only|except|instead|rather|unless|lacks?|lacking|missing|absent|deprecated|removed|false|zero|empty)\b",
    re.I,
)
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n\s*\n|\n(?=[ \t]*(?:[-*+•#|>]|\d{1,3}[.)])[ \t])")
_CLAUSE = re.compile(
    r"[;:,](?=\s)|[()—]|\b(?:but|because|which|while|although|so|if|when|unless|and)\b|(?<=[.!?…])\s+", re.I
)
_EMPHASIS = re.compile(r"[*~]+")
# A clause is near the one that shares most of its terms, and those that share nearly as many.
_NEAR = 0.75
# So much of a clause of so many terms must be in a denied one for that to contradict it.
_STRONG = 0.75
_LEAST_TERMS = 2


@dataclass(frozen=True)
class _Clause:
    terms: frozenset[str]
    negated: bool
    denied: bool


@dataclass(frozen=True)
class Claims:
    """The sentences and the clauses of passages, for `contradicted`."""

    clauses: tuple[_Clause, ...]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Claims":
        """What these texts claim. A sentence counts whole and clause by clause."""
        whole = [sentence for text in texts for sentence in _SENTENCE.split(text)]
        split = [clause for sentence in whole for clause in _CLAUSE.split(sentence)]
        return cls(tuple(_clause(text, stems(text)) for text in dict.fromkeys((*whole, *split)) if text.strip()))

    def contradict(self, sentence: str) -> bool:
        """Whether the sentence, or a clause of it, has a negation where the nearest clause has none, or lacks one."""
        everything = _terms(sentence)
        return any(self._contradict(clause, everything) for clause in _CLAUSE.split(sentence))

    def _contradict(self, text: str, everything: frozenset[str]) -> bool:
        clause = _clause(text, _terms(text))
        if clause.negated and not clause.terms:
            clause = replace(clause, terms=everything)
        if not clause.terms or not self.clauses:
            return False
        shares = [len(clause.terms & other.terms) / len(clause.terms) for other in self.clauses]
        best = max(shares)
        near = [other for other, share in zip(self.clauses, shares, strict=True) if share >= best * _NEAR]
        if clause.negated:
            return not any(other.denied for other in near)
        strong = best >= _STRONG and len(clause.terms) >= _LEAST_TERMS
        return strong and not clause.denied and all(other.negated for other in near)


def _terms(text: str) -> frozenset[str]:
    return frozenset(content_terms(_NEGATION.sub(" ", _EMPHASIS.sub("", text))))


def _clause(text: str, terms: frozenset[str]) -> _Clause:
    plain = _EMPHASIS.sub("", text)
    negated = _NEGATION.search(plain) is not None
    return _Clause(terms, negated, negated or _DENIAL.search(plain) is not None)
