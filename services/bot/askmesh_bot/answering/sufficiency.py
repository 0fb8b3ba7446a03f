"""The gate before writing: do the passages hold an answer at all? Several signals decide, and the reason is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from askmesh_bot.answering.base import Passage
from askmesh_bot.answering.calibration import Weights
from askmesh_bot.answering.fusion import is_named
from askmesh_bot.answering.languages import FOREIGN_FUNCTION_WORDS
from askmesh_bot.answering.retrieval import Candidate, mentions
from askmesh_bot.answering.terms import (
    content_terms,
    content_words,
    named_arguments,
    named_identifiers,
    proper_names,
    related,
    stems,
)

_LOOKED_AT = 5
# A term most candidates hold says little about whether these ones answer the question.
_COMMON_SHARE = 0.6
# How well harassment answers to harassing. Shorter words have relatives by chance.
_RELATED, _SHORT = 0.8, 4
# What a signature with it takes can't be told from the signature.
_ANY_ARGUMENT = "**"


@dataclass(frozen=True)
class Signals:
    """What the gate saw, each from 0 to 1."""

    # The best cosine of all candidates; None where the store tells none.
    similarity: float | None
    # The share of the question's terms in the best of the first passages, rarer ones counting double.
    coverage: float
    # The share of the question's terms that no candidate holds.
    missing: float
    # 1 / the lexical rank of the candidate closest in meaning; 0 where it has none.
    agreement: float
    # 1 where the question has an acronym or another name that no candidate holds.
    unknown_name: float
    # The words of the question that none of the first passages hold.
    unheld: tuple[str, ...]

    def chance(self, weights: Weights) -> float:
        """The probability that the passages hold an answer."""
        return weights.chance(self.similarity or 0.0, self.coverage, self.missing, self.agreement, self.unknown_name)


def measure(question: str, found: Sequence[Candidate]) -> Signals:
    """The signals of a question's candidates, which come best first."""
    held = [stems(one.passage.header) | stems(one.passage.text) for one in found]
    words_of = content_words(question)
    terms = tuple(words_of)
    weights = {term: _weight(term, held) for term in terms}
    answering = _answering(terms, held)
    total = sum(weights.values())
    best = max(
        (sum(weights[term] * _share(answering[term], words) for term in terms) for words in held[:_LOOKED_AT]),
        default=0.0,
    )
    absent = sum(1 - max(answering[term].values(), default=0.0) for term in terms)
    close = [one for one in found if one.passage.similarity is not None]
    closest = max(close, key=lambda one: one.passage.similarity or 0.0, default=None)
    return Signals(
        similarity=closest.passage.similarity if closest else None,
        coverage=best / total if total else 1.0,
        missing=absent / len(terms) if terms else 0.0,
        agreement=1 / closest.lexical_rank if closest and closest.lexical_rank else 0.0,
        unknown_name=float(any(not any(name in words for words in held) for name in proper_names(question))),
        unheld=tuple(
            word
            for term, word in words_of.items()
            if not any(_share(answering[term], words) for words in held[:_LOOKED_AT])
        ),
    )


def looked_up(question: str, found: Sequence[Candidate]) -> bool:
    """Whether the question is nothing but a heading or the name of an object: there is no doubt what it is about."""
    asked = frozenset({" ".join(content_terms(question)), question.strip(" `?()").lower()}) - {""}
    return any(is_named(one.passage.header, asked) for one in found)


def insufficient(signals: Signals, weights: Weights, min_chance: float) -> str:
    """Why these passages can't support an answer, or nothing."""
    if signals.chance(weights) >= min_chance:
        return ""
    if told := [word for word in signals.unheld if word.lower() not in FOREIGN_FUNCTION_WORDS]:
        return f"the nearest passages do not mention: {', '.join(told[:5])}"
    return "nothing in the sources is close to this question"


def without_argument(question: str, passages: Sequence[Passage]) -> str:
    """Which object the question gives an argument that its documentation does not have, or nothing."""
    for name in named_identifiers(question):
        own = [passage for passage in passages if is_named(passage.header, frozenset({name.lower()}))]
        if not own or any(_ANY_ARGUMENT in passage.header for passage in own):
            continue
        for argument in named_arguments(question):
            if argument != name and not any(mentions(passage, argument) for passage in own):
                return f"`{name}` has no `{argument}` in the sources"
    return ""


def unmentioned(names: Sequence[str], passages: Sequence[Passage]) -> tuple[str, ...]:
    """The identifiers that no passage names."""
    return tuple(name for name in names if not any(mentions(passage, name) for passage in passages))


def _answering(terms: Sequence[str], held: Sequence[frozenset[str]]) -> dict[str, dict[str, float]]:
    """For each term the words that answer to it, with how well: itself, or relatives where nothing holds itself."""
    everything = frozenset().union(*held)
    return {
        term: {term: 1.0}
        if term in everything
        else {word: _RELATED for word in everything if len(term) > _SHORT and related(term, word)}
        for term in terms
    }


def _share(answering: Mapping[str, float], words: frozenset[str]) -> float:
    return max((share for word, share in answering.items() if word in words), default=0.0)


def _weight(term: str, everywhere: Sequence[frozenset[str]]) -> float:
    holding = sum(term in held for held in everywhere)
    return 1.0 if everywhere and holding / len(everywhere) > _COMMON_SHARE else 2.0
