"""Chooses the units to quote and writes them down, each with the number of its passage."""

import re
from collections.abc import Sequence

from askmesh_llm.engines.extractive.prompt import GroundedPrompt
from askmesh_llm.engines.extractive.ranking import Candidate, Ranking

NOT_IN_SOURCES = "NOT_IN_SOURCES"
MOST_UNITS = 4
# Below this share of the question's content words in the best passage, nothing supports an answer.
ENOUGH_COVERAGE = 0.5
# Cosines of the closest unit: enough by itself, and the least that words must have with them.
CLOSE = 0.55
NOT_FAR = 0.3
# A further unit must come this close to the best one.
_NEAR_BEST = 0.8
_LONGEST_CODE = 900

_ASKS_HOW = re.compile(
    r"\b(how (?:do|does|can|could|to|should|would|is|are|might)|example|syntax|snippet|signature|usage|show me)\b", re.I
)


def compose(prompt: GroundedPrompt, ranking: Ranking) -> str:
    """The answer's text: one quoted unit a line, or NOT_IN_SOURCES."""
    prose = [candidate for candidate in ranking.candidates if candidate.unit.kind in ("sentence", "item")]
    if not prose or not _supported(ranking):
        return NOT_IN_SOURCES
    chosen = _choose(prose)
    if _ASKS_HOW.search(prompt.question):
        chosen += _example(ranking.candidates, chosen)
    lines = [_written(candidate) for candidate in sorted(chosen, key=lambda candidate: candidate.order)]
    signature = _signature(chosen, prompt.question)
    return "\n\n".join(signature + lines)


def _supported(ranking: Ranking) -> bool:
    """Whether the passages speak of what is asked: in its words, and in meaning where that is known."""
    if ranking.unknown_names:
        return False
    closest = max(
        (candidate.closeness for candidate in ranking.candidates if candidate.closeness is not None), default=None
    )
    if closest is None:
        return ranking.coverage >= ENOUGH_COVERAGE
    return closest >= CLOSE or (closest >= NOT_FAR and ranking.coverage >= ENOUGH_COVERAGE)


def _choose(prose: Sequence[Candidate]) -> list[Candidate]:
    best = prose[0]
    chosen = [best]
    said = set(best.matched)
    for candidate in prose[1:]:
        if len(chosen) == MOST_UNITS or candidate.score < _NEAR_BEST * best.score:
            break
        repeats = any(candidate.unit.text == other.unit.text for other in chosen)
        adds = candidate.matched - said or (candidate.passage is best.passage and candidate.own >= 0.8 * best.own)
        if adds and not repeats:
            chosen.append(candidate)
            said |= candidate.matched
    return chosen


def _example(candidates: Sequence[Candidate], chosen: Sequence[Candidate]) -> list[Candidate]:
    """The code example of the best unit's passage that comes closest to the question, if there is a short one."""
    best = chosen[0]
    for candidate in candidates:
        if candidate.unit.kind == "code" and candidate.passage is best.passage:
            return [candidate] if len(candidate.unit.text) <= _LONGEST_CODE else []
    return []


def _signature(chosen: Sequence[Candidate], question: str) -> list[str]:
    """The best passage's header where it is a signature and the question asks how."""
    header = chosen[0].passage.header
    if not _ASKS_HOW.search(question) or not re.fullmatch(r"[A-Za-z_][\w.]*\(.*\)(?: -> .+)?", header):
        return []
    return [f"`{header}` [{chosen[0].passage.number}]"]


def _written(candidate: Candidate) -> str:
    number = candidate.passage.number
    if candidate.unit.kind == "code":
        fence = "```" if "```" not in candidate.unit.text else "~~~~"
        return f"{fence}\n{candidate.unit.text}\n{fence}\n[{number}]"
    return f"{candidate.unit.text} [{number}]"
