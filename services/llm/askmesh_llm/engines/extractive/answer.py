"""Chooses the units to quote and writes them down, each with the number of its passage."""

import math
import re
from collections.abc import Mapping, Sequence

from askmesh_llm.engines.extractive.prompt import GroundedPrompt, Passage
from askmesh_llm.engines.extractive.ranking import Candidate, Ranking
from askmesh_llm.engines.extractive.words import content_words, identifiers, words

NOT_IN_SOURCES = "NOT_IN_SOURCES"
MOST_UNITS = 5
# Units of the chosen passage are quoted, best first, until it is this likely that the answer is among them. Others are
# not cited: where they are nearly as likely, the measured citations of a second passage are wrong more often than right.
ENOUGH_CHANCE = 0.98
# Where closeness in meaning is known, a passage that is less likely than this to hold the answer, with those that say the
# same, is not quoted.
LEAST_CHANCE = 0.2
# Where it is less likely than this the answer says that it may be another one's: of those that don't, measured citations
# were right in 0.95 (docs/decisions/0090).
SURE_CHANCE = 0.85
UNSURE = "This comes nearest, but may not be what was asked for:"
# So much of the new words of the best unit must be in another passage's for both to say the same.
_SAME = 0.5
# Whoever asks decides beforehand whether the passages hold an answer: here only what has nothing to do with the question
# is declined. The share of its words in the best passage, and the cosine of the closest unit.
LEAST_COVERAGE = 0.35
LEAST_CLOSENESS = 0.3
# How much a unit that ends in a colon brings with it.
_ANNOUNCED = 4
_LONGEST_CODE = 900

_ASKS_HOW = re.compile(
    r"\b(how (?:do|does|can|could|to|should|would|is|are|might)|example|syntax|snippet|signature|usage|show me)\b", re.I
)
_ASKS_ARGUMENTS = re.compile(r"\b(?:arguments?|parameters?|options?|take|takes|accept|accepts)\b", re.I)


def compose(prompt: GroundedPrompt, ranking: Ranking) -> str:
    """The answer's text: one quoted unit a line, or NOT_IN_SOURCES."""
    prose = [candidate for candidate in ranking.candidates if candidate.unit.kind in ("sentence", "item")]
    if not prose or not _related(ranking):
        return NOT_IN_SOURCES
    by_order = {candidate.order: candidate for candidate in ranking.candidates}
    # What announces something that is not there says nothing.
    whole = [candidate for candidate in prose if not _dangles(candidate, by_order)] or prose
    best = max(whole, key=lambda candidate: candidate.standing)
    chance = 1.0 if best.closeness is None else _chance(best, whole, prompt.question)
    if chance < LEAST_CHANCE:
        return NOT_IN_SOURCES
    chosen = _completed(_choose(best.passage, whole), by_order)
    if _ASKS_HOW.search(prompt.question):
        chosen += _example(ranking.candidates, chosen)
    lines = [_written(candidate) for candidate in sorted(chosen, key=lambda candidate: candidate.order)]
    warned = [UNSURE] if chance < SURE_CHANCE else []
    return "\n\n".join(warned + _signature(chosen[0], prompt.question) + lines)


def _related(ranking: Ranking) -> bool:
    """Whether the passages have to do with the question: in its words, or in meaning where that is known."""
    if ranking.unknown_names:
        return False
    cosines = [candidate.closeness for candidate in ranking.candidates if candidate.closeness is not None]
    return ranking.coverage >= LEAST_COVERAGE or max(cosines, default=0.0) >= LEAST_CLOSENESS


def _chance(best: Candidate, prose: Sequence[Candidate], question: str) -> float:
    """How likely the best unit's passage, or one that says the same, holds the answer."""
    odds: dict[int, float] = {}
    first: dict[int, Candidate] = {}
    for candidate in sorted(prose, key=lambda candidate: -candidate.standing):
        number = candidate.passage.number
        first.setdefault(number, candidate)
        odds[number] = odds.get(number, 0.0) + math.exp(candidate.standing - best.standing)
    told = content_words(best.unit.text).keys() - set(words(question))

    def agrees(other: Candidate) -> bool:
        return bool(told) and len(told & set(words(other.unit.text))) >= _SAME * len(told)

    held = sum(odds[number] for number, one in first.items() if one.passage is best.passage or agrees(one))
    return held / sum(odds.values())


def _choose(passage: Passage, prose: Sequence[Candidate]) -> list[Candidate]:
    """The fewest units of the passage that likely hold the answer, among what all passages say."""
    most = max(candidate.score for candidate in prose)
    own = [candidate for candidate in prose if candidate.passage is passage]
    wanted = ENOUGH_CHANCE * sum(math.exp(candidate.score - most) for candidate in prose)
    chosen: list[Candidate] = []
    held = 0.0
    for candidate in own:
        if len(chosen) == MOST_UNITS or (chosen and (held >= wanted or candidate.score == -math.inf)):
            break
        if not any(candidate.unit.text == other.unit.text for other in chosen):
            chosen.append(candidate)
            held += math.exp(candidate.score - most)
    return chosen


def _dangles(candidate: Candidate, by_order: Mapping[int, Candidate]) -> bool:
    """Whether a unit ends in a colon and neither code nor a list follows it in its passage."""
    if not candidate.unit.text.endswith(":"):
        return False
    follower = by_order.get(candidate.order + 1)
    return follower is None or follower.passage is not candidate.passage or follower.unit.kind not in ("code", "item")


def _completed(chosen: Sequence[Candidate], after: Mapping[int, Candidate]) -> list[Candidate]:
    """With what a unit that ends in a colon announces: the code or the first items after it."""
    complete = {candidate.order: candidate for candidate in chosen}
    for candidate in chosen:
        follower = after.get(candidate.order + 1)
        for _ in range(_ANNOUNCED if candidate.unit.text.endswith(":") else 0):
            if follower is None or follower.passage is not candidate.passage:
                break
            if follower.unit.kind != "code" or len(follower.unit.text) <= _LONGEST_CODE:
                complete[follower.order] = follower
            if follower.unit.kind != "item":
                break
            follower = after.get(follower.order + 1)
    return list(complete.values())


def _example(candidates: Sequence[Candidate], chosen: Sequence[Candidate]) -> list[Candidate]:
    """The code example of the best unit's passage that comes closest to the question, if there is a short one."""
    best = chosen[0]
    if any(candidate.unit.kind == "code" for candidate in chosen):
        return []
    for candidate in candidates:
        if candidate.unit.kind == "code" and candidate.passage is best.passage:
            return [candidate] if len(candidate.unit.text) <= _LONGEST_CODE else []
    return []


def _signature(best: Candidate, question: str) -> list[str]:
    """The best passage's header, where it is a signature that the question asks for or does not name itself."""
    header = best.passage.header
    signature = re.fullmatch(r"([A-Za-z_][\w.]*)\(.*\)(?: -> .+)?", header)
    if not signature:
        return []
    named = signature[1].rpartition(".")[2].lower() in {name.rpartition(".")[2] for name in identifiers(question)}
    if named and not _ASKS_HOW.search(question) and not _ASKS_ARGUMENTS.search(question):
        return []
    return [f"`{header}` [{best.passage.number}]"]


def _written(candidate: Candidate) -> str:
    number = candidate.passage.number
    if candidate.unit.kind == "code":
        fence = "```" if "```" not in candidate.unit.text else "~~~~"
        return f"{fence}\n{candidate.unit.text}\n{fence}\n[{number}]"
    return f"{candidate.unit.text} [{number}]"
