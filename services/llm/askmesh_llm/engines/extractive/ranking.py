"""How well each unit answers the question: lexical closeness, the passage's standing, and, if given, meaning."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from askmesh_llm.engines.extractive.expected import has_expected
from askmesh_llm.engines.extractive.prompt import GroundedPrompt, Passage
from askmesh_llm.engines.extractive.relatives import related
from askmesh_llm.engines.extractive.sentences import Unit, units
from askmesh_llm.engines.extractive.weights import WITH_MEANING, WORDS_ALONE, Signs
from askmesh_llm.engines.extractive.words import code_names, content_words, identifiers, words

# BM25's saturation: how fast a repeated word stops counting. Units are short, so it is low.
_K1 = 0.6
_HEADER_SHARE = 0.55
_LEAD_SHARE = 0.4
_SHORT = 5
_LEAST_ECHO = 5
# The question names the symbol a passage documents, or the parameter an item describes.
_NAMED_SYMBOL = 0.25
_NAMED_ITEM = 0.35
# Words carried over from the conversation say less of what is asked than the question's own.
_ABOUT_WEIGHT = 0.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit with what is known of it. `order` is its place in the prompt; `score`, of the unit, and `standing`, of its
    passage, are in log-odds (see weights.py)."""

    passage: Passage
    unit: Unit
    order: int
    signs: Signs
    score: float
    standing: float
    closeness: float | None = None


@dataclass(frozen=True, slots=True)
class Ranking:
    """All candidates, best first, and how much of the question the best passage speaks of (0 to 1)."""

    candidates: tuple[Candidate, ...]
    coverage: float
    unknown_names: frozenset[str]

    def with_closeness(self, closeness: Sequence[float]) -> "Ranking":
        """The ranking when the first candidates' closeness in meaning (cosines) is known too. The others come last."""
        known = []
        for candidate, cosine in zip(self.candidates, closeness, strict=False):
            signs = candidate.signs._replace(meaning=cosine)
            score, standing = signs.score(WITH_MEANING.unit), signs.score(WITH_MEANING.passage)
            known.append(replace(candidate, signs=signs, closeness=cosine, score=score, standing=standing))
        known.sort(key=lambda candidate: (-candidate.score, candidate.order))
        others = self.candidates[len(known) :]
        rest = (replace(candidate, score=-math.inf, standing=-math.inf) for candidate in others)
        return replace(self, candidates=(*known, *rest))


class _Read:
    """A passage, taken apart once."""

    def __init__(self, passage: Passage, question: Sequence[str]) -> None:
        self.passage = passage
        self.units = units(passage.text)
        self.header = Counter(words(passage.header))
        self.bags = [_without_echo(words(unit.text), question) for unit in self.units]
        self.leads = [Counter(words(unit.lead)) for unit in self.units]
        self.all = Counter(self.header)
        for bag in self.bags:
            self.all.update(bag)


def _without_echo(said: Sequence[str], question: Sequence[str]) -> Counter[str]:
    """The words of a unit. One that repeats the whole question, as a usage example may, says nothing about it."""
    echoes = len(question) >= _LEAST_ECHO and f" {' '.join(question)} " in f" {' '.join(said)} "
    return Counter() if echoes else Counter(said)


def rank(prompt: GroundedPrompt) -> Ranking:
    """Every unit of every passage, by closeness to the question."""
    as_said = words(prompt.question)
    read = [_Read(passage, as_said) for passage in prompt.passages]
    asked = {word: _ABOUT_WEIGHT * weight for word, weight in content_words(prompt.about).items()}
    asked |= content_words(prompt.question)
    if not asked or not read:
        return Ranking((), 0.0, frozenset())
    vocabulary = set().union(*(item.all for item in read))
    matches = {word: related(word, vocabulary) for word in asked}
    weights = {word: weight * _idf(matches[word], read) for word, weight in asked.items()}
    question = _Question(prompt.question, identifiers(prompt.question), weights, matches)
    candidates: list[Candidate] = []
    for item in read:
        candidates += _candidates(item, question, len(candidates))
    candidates.sort(key=lambda candidate: (-candidate.score, candidate.order))
    known = {word.lower() for word in vocabulary}
    unknown = frozenset(
        name for name in code_names(prompt.question) if name not in known and name.rpartition(".")[2] not in known
    )
    return Ranking(tuple(candidates), max(_plain_coverage(item.all, asked, matches) for item in read), unknown)


@dataclass(frozen=True, slots=True)
class _Question:
    text: str
    names: frozenset[str]
    weights: Mapping[str, float]
    # For each word of the question, the words of the passages that answer to it, with how well.
    matches: Mapping[str, Mapping[str, float]]

    def share(self, bag: Mapping[str, int]) -> float:
        """The share of the question's words that a bag of words holds, 0 to 1."""
        held = sum(weight * min(1.0, _strength(bag, self.matches[word])) for word, weight in self.weights.items())
        return held / sum(self.weights.values())


def _candidates(item: _Read, question: _Question, order: int) -> list[Candidate]:
    passage_share = question.share(item.all)
    header = {word: _HEADER_SHARE * _strength(item.header, question.matches[word]) for word in question.weights}
    found = []
    for place, (unit, bag, lead) in enumerate(zip(item.units, item.bags, item.leads, strict=True)):
        around = Counter(bag)
        for beside in item.bags[max(0, place - 1) : place] + item.bags[place + 1 : place + 2]:
            around.update(beside)
        signs = Signs(
            words=_near(bag, lead, header, question),
            around=question.share(around),
            passage=passage_share,
            rank=1 / (1 + item.passage.rank),
            fragment=float(sum(bag.values()) < _SHORT),
            named=_named(item, unit, question.names),
            expected=has_expected(question.text, unit.text),
            opens=float(place == 0),
        )
        score, standing = signs.score(WORDS_ALONE.unit), signs.score(WORDS_ALONE.passage)
        found.append(Candidate(item.passage, unit, order + place, signs, score, standing))
    return found


def _near(bag: Mapping[str, int], lead: Mapping[str, int], header: Mapping[str, float], question: _Question) -> float:
    """The share of the question's words in the unit, or, for less, in its header or its lead."""
    held = sum(
        weight
        * max(
            _strength(bag, question.matches[word]),
            header[word],
            _LEAD_SHARE * _strength(lead, question.matches[word]),
        )
        for word, weight in question.weights.items()
    )
    return held / sum(question.weights.values())


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
