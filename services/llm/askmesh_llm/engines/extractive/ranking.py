"""How well each unit answers the question: lexical closeness, the passage's standing, and, if given, meaning."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from askmesh_llm.engines.extractive.prompt import GroundedPrompt, Passage
from askmesh_llm.engines.extractive.sentences import Unit, units
from askmesh_llm.engines.extractive.synonyms import related
from askmesh_llm.engines.extractive.words import content_words, identifiers, words

# BM25's saturation: how fast a repeated word stops counting. Units are short, so it is low.
_K1 = 0.6
_HEADER_SHARE = 0.55
_LEAD_SHARE = 0.4
_PASSAGE_SHARE = 0.3
_RANK_SHARE = 0.08
# The question names the symbol a passage documents, or the parameter an item describes.
_NAMED_SYMBOL = 0.25
_NAMED_ITEM = 0.35
_MEANING_SHARE = 0.9
# Words carried over from the conversation say less of what is asked than the question's own.
_ABOUT_WEIGHT = 0.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit with its closeness to the question, all shares of 1: the parts in it, its header, its passage."""

    passage: Passage
    unit: Unit
    order: int
    # The share of the question's words in the unit, its header and its lead together, by their plain weights.
    focus: float
    matched: frozenset[str]
    own: float
    score: float
    closeness: float | None = None


@dataclass(frozen=True, slots=True)
class Ranking:
    """All candidates, best first, and how much of the question the best passage speaks of (0 to 1)."""

    candidates: tuple[Candidate, ...]
    coverage: float
    unknown_names: frozenset[str]

    def with_closeness(self, closeness: Sequence[float]) -> "Ranking":
        """The ranking when the first candidates' closeness in meaning (cosines) is known too."""
        known = [
            replace(candidate, closeness=cosine, score=candidate.score + _MEANING_SHARE * max(0.0, cosine))
            for candidate, cosine in zip(self.candidates, closeness, strict=False)
        ]
        known.sort(key=lambda candidate: (-candidate.score, candidate.order))
        return replace(self, candidates=(*known, *self.candidates[len(known) :]))


class _Read:
    """A passage, taken apart once."""

    def __init__(self, passage: Passage) -> None:
        self.passage = passage
        self.units = units(passage.text)
        self.header = Counter(words(passage.header))
        self.bags = [Counter(words(unit.text)) for unit in self.units]
        self.leads = [Counter(words(unit.lead)) for unit in self.units]
        self.all = Counter(self.header)
        for bag in self.bags:
            self.all.update(bag)


def rank(prompt: GroundedPrompt) -> Ranking:
    """Every unit of every passage, by closeness to the question."""
    read = [_Read(passage) for passage in prompt.passages]
    asked = {word: _ABOUT_WEIGHT * weight for word, weight in content_words(prompt.about).items()}
    asked |= content_words(prompt.question)
    if not asked or not read:
        return Ranking((), 0.0, frozenset())
    vocabulary = set().union(*(item.all for item in read))
    matches = {word: related(word, vocabulary) for word in asked}
    weights = {word: weight * _idf(matches[word], read) for word, weight in asked.items()}
    total = sum(weights.values())
    names = identifiers(prompt.question)
    candidates, order = [], 0
    for item in read:
        passage_share = _share(item.all, weights, matches) / total
        for unit, bag, lead in zip(item.units, item.bags, item.leads, strict=True):
            candidate = _candidate(item, unit, bag, lead, order, passage_share, weights, matches)
            focus = _plain_coverage(item.header + bag + lead, asked, matches)
            candidates.append(replace(candidate, focus=focus, score=candidate.score + _named(item, unit, names)))
            order += 1
    candidates.sort(key=lambda candidate: (-candidate.score, candidate.order))
    known = {word.lower() for word in vocabulary}
    unknown = frozenset(name for name in names if name not in known and name.rpartition(".")[2] not in known)
    return Ranking(tuple(candidates), max(_plain_coverage(item.all, asked, matches) for item in read), unknown)


def _candidate(
    item: _Read,
    unit: Unit,
    bag: Counter[str],
    lead: Counter[str],
    order: int,
    passage_share: float,
    weights: Mapping[str, float],
    matches: Mapping[str, Mapping[str, float]],
) -> Candidate:
    total = sum(weights.values())
    own = near = 0.0
    matched = set()
    for word, weight in weights.items():
        here = _strength(bag, matches[word])
        around = max(
            _HEADER_SHARE * _strength(item.header, matches[word]), _LEAD_SHARE * _strength(lead, matches[word])
        )
        if here:
            matched.add(word)
        own += weight * here
        near += weight * max(here, around)
    length = sum(bag.values())
    # A fragment says little; a very long unit matches by chance.
    fit = 1.0 if 5 <= length <= 60 else 0.8 if length > 2 else 0.5
    prior = _RANK_SHARE / (1 + item.passage.rank)
    score = fit * (0.7 * near + 0.3 * own) / total + _PASSAGE_SHARE * passage_share + prior
    return Candidate(item.passage, unit, order, 0.0, frozenset(matched), own / total, score)


def _named(item: _Read, unit: Unit, names: frozenset[str]) -> float:
    """What it adds that the question calls the passage's symbol, or the item's parameter, by name."""
    symbol = re.match(r"[\w.]+(?=\()|[\w.]+$", item.passage.header)
    last = symbol[0].lower().rpartition(".")[2] if symbol else ""
    bonus = _NAMED_SYMBOL if any(name.rpartition(".")[2] == last for name in names) else 0.0
    head = re.match(r"(?::\w+\s+)?[`*]*([A-Za-z_]\w*)", unit.text) if unit.kind == "item" else None
    if head and (head[1].lower() in names):
        bonus += _NAMED_ITEM
    return bonus


def _idf(match: Mapping[str, float], read: Sequence[_Read]) -> float:
    """BM25's inverse document frequency of a question word over the passages."""
    holding = sum(1 for item in read if any(word in item.all for word in match))
    return math.log(1 + (len(read) - holding + 0.5) / (holding + 0.5))


def _strength(bag: Mapping[str, int], match: Mapping[str, float]) -> float:
    """How strongly a bag of words holds a question word or a relative of it: 0 to 1, saturating."""
    return max((share * _saturated(bag[word]) for word, share in match.items() if word in bag), default=0.0)


def _saturated(count: int) -> float:
    return count * (1 + _K1) / (count + _K1) / (1 + _K1) * 1.25 if count < 4 else 1.0


def _share(bag: Mapping[str, int], weights: Mapping[str, float], matches: Mapping[str, Mapping[str, float]]) -> float:
    return sum(weight * min(1.0, _strength(bag, matches[word])) for word, weight in weights.items())


def _plain_coverage(
    bag: Mapping[str, int], asked: Mapping[str, float], matches: Mapping[str, Mapping[str, float]]
) -> float:
    """The share of the question's content words that a passage holds, by their own weights."""
    total = sum(asked.values())
    held = sum(
        weight * max((share for word, share in matches[asked_word].items() if word in bag), default=0.0)
        for asked_word, weight in asked.items()
    )
    return held / total
