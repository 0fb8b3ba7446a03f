"""One ranking from what `/search` says of each match: its cosine, its lexical score, and whether the question names it."""

import re
from collections.abc import Sequence
from dataclasses import replace

from askmesh_bot.answering.terms import camel_case, named_identifiers
from askmesh_bot.peers.vectordb import Match

# Equal shares of both scores, each as a part of the question's best one: Bruch, Gai and Ingber, "An Analysis of Fusion
# Functions for Hybrid Retrieval", TOIS 2023. Chosen on the dev halves of three question sets (docs/decisions/0061).
_DENSE_SHARE = 0.5
# The question calls a documented object by its name: that is worth more than sounding alike.
_NAMED = 0.3

_SYMBOL = re.compile(r"[A-Za-z_][\w.]*(?=\(|$)")


def rescored(question: str, matches: Sequence[Match]) -> list[Match]:
    """The matches in a better order, `score` from 0 to 1.3. Where a store tells no scores, its own order stays."""
    best_dense = max((match.similarity or 0.0 for match in matches), default=0.0)
    best_lexical = max((match.lexical_score or 0.0 for match in matches), default=0.0)
    if best_dense <= 0 or best_lexical <= 0:
        return list(matches)
    names = frozenset(name.lower() for name in (*named_identifiers(question), *camel_case(question)))

    def score(match: Match) -> float:
        dense, lexical = (match.similarity or 0.0) / best_dense, (match.lexical_score or 0.0) / best_lexical
        named = _NAMED if is_named(str(match.metadata.get("header", "")), names) else 0.0
        return _DENSE_SHARE * max(0.0, dense) + (1 - _DENSE_SHARE) * lexical + named

    # Python's sort is stable: among equals the database's order decides.
    return sorted((replace(match, score=score(match)) for match in matches), key=lambda match: -match.score)


def is_named(header: str, names: frozenset[str]) -> bool:
    """Whether a header's symbol is one of these names, or ends in one: `Path.read_text` is `pathlib.Path.read_text`."""
    symbol = _SYMBOL.match(header)
    parts = symbol[0].lower().split(".") if symbol else []
    return any(".".join(parts[start:]) in names for start in range(len(parts)))
