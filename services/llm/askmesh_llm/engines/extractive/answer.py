"""Chooses the units to quote and writes them down, each with the number of its passage."""

import re
from collections.abc import Mapping, Sequence

from askmesh_llm.engines.extractive.prompt import GroundedPrompt
from askmesh_llm.engines.extractive.ranking import Candidate, Ranking
from askmesh_llm.engines.extractive.words import identifiers

NOT_IN_SOURCES = "NOT_IN_SOURCES"
MOST_UNITS = 4
# Below this share of the question's content words in the best passage, nothing supports an answer.
ENOUGH_COVERAGE = 0.5
# The same for the best unit with its header: a passage may hold the words without a sentence that says something.
ENOUGH_FOCUS = 0.35
# Cosines of the closest unit: enough by itself, and the least that words must have with them.
CLOSE = 0.55
NOT_FAR = 0.3
# A further unit must come this close to the best one.
_NEAR_BEST = 0.8
# One that adds words of the question, from the same passage, may be less close.
_NEAR_ENOUGH = 0.6
# How much a unit that ends in a colon brings with it.
_ANNOUNCED = 4
_LONGEST_CODE = 900

_ASKS_HOW = re.compile(
    r"\b(how (?:do|does|can|could|to|should|would|is|are|might)|example|syntax|snippet|signature|usage|show me)\b", re.I
)


def compose(prompt: GroundedPrompt, ranking: Ranking) -> str:
    """The answer's text: one quoted unit a line, or NOT_IN_SOURCES."""
    prose = [candidate for candidate in ranking.candidates if candidate.unit.kind in ("sentence", "item")]
    if not prose or not _supported(ranking, prose):
        return NOT_IN_SOURCES
    chosen = _choose(prose, {candidate.order: candidate for candidate in ranking.candidates})
    if _ASKS_HOW.search(prompt.question):
        chosen += _example(ranking.candidates, chosen)
    lines = [_written(candidate) for candidate in sorted(chosen, key=lambda candidate: candidate.order)]
    return "\n\n".join(_signature(prose[0], prompt.question) + lines)


def _supported(ranking: Ranking, prose: Sequence[Candidate]) -> bool:
    """Whether the passages speak of what is asked: in its words, and in meaning where that is known."""
    if ranking.unknown_names:
        return False
    closest = max(
        (candidate.closeness for candidate in ranking.candidates if candidate.closeness is not None), default=None
    )
    worded = ranking.coverage >= ENOUGH_COVERAGE and prose[0].focus >= ENOUGH_FOCUS
    return worded if closest is None else closest >= CLOSE or (closest >= NOT_FAR and worded)


def _choose(prose: Sequence[Candidate], after: Mapping[int, Candidate]) -> list[Candidate]:
    best = prose[0]
    chosen = [best]
    said = set(best.matched)
    for candidate in prose[1:]:
        if len(chosen) == MOST_UNITS or candidate.score < _NEAR_ENOUGH * best.score:
            break
        same = candidate.passage is best.passage
        adds = candidate.matched - said
        near = candidate.score >= _NEAR_BEST * best.score
        wanted = (adds and (near or same)) or (same and near and candidate.own >= 0.8 * best.own)
        if wanted and not any(candidate.unit.text == other.unit.text for other in chosen):
            chosen.append(candidate)
            said |= candidate.matched
    return _completed(chosen, after)


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
    if named and not _ASKS_HOW.search(question):
        return []
    return [f"`{header}` [{best.passage.number}]"]


def _written(candidate: Candidate) -> str:
    number = candidate.passage.number
    if candidate.unit.kind == "code":
        fence = "```" if "```" not in candidate.unit.text else "~~~~"
        return f"{fence}\n{candidate.unit.text}\n{fence}\n[{number}]"
    return f"{candidate.unit.text} [{number}]"
