"""Other ways to make one ranking of the dense and the lexical one, from what `/search` says of each match."""

from collections.abc import Callable, Sequence
from typing import Any

from askmesh_bot.answering.fusion import WEIGHTS, all_signs
from askmesh_bot.peers.vectordb import Match as Found

Match = dict[str, Any]


def reciprocal(k: int) -> Callable[[Sequence[Match]], list[Match]]:
    """Reciprocal rank fusion with another constant than 60: a small one trusts the first ranks more."""

    def fuse(matches: Sequence[Match]) -> list[Match]:
        def score(match: Match) -> float:
            return sum(1.0 / (k + int(rank)) for rank in match["ranks"].values() if rank)

        return sorted(matches, key=score, reverse=True)

    return fuse


def convex(alpha: float) -> Callable[[Sequence[Match]], list[Match]]:
    """alpha of the cosine and 1 - alpha of the lexical score, each as a share of the best one.

    Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", TOIS 2023.
    """

    def fuse(matches: Sequence[Match]) -> list[Match]:
        best = {
            kind: max((match["scores"][kind] or 0.0 for match in matches), default=0.0) for kind in ("dense", "lexical")
        }

        def score(match: Match) -> float:
            shares = {kind: (match["scores"][kind] or 0.0) / (top or 1.0) for kind, top in best.items()}
            return float(alpha * shares["dense"] + (1 - alpha) * shares["lexical"])

        return sorted(matches, key=score, reverse=True)

    return fuse


# Kinds of signs in the order in which they are added to `convex 0.5`; the order as served also heeds
# the version that is asked for.
_STEPS = {
    "names": ("named",),
    "rare words": ("terms", "header"),
    "words side by side": ("pairs",),
    "bare, code, private": ("bare", "code", "private"),
}


def with_signs(names: Sequence[str]) -> Callable[[str, Sequence[Found]], list[Found]]:
    """The order by some of the served order's signs alone."""
    columns = [WEIGHTS._fields.index(name) for name in names]

    def order(question: str, matches: Sequence[Found]) -> list[Found]:
        signs = all_signs(question, matches)
        scores = [sum(own[column] * WEIGHTS[column] for column in columns) for own in signs]
        return [matches[place] for place in sorted(range(len(matches)), key=lambda place: -scores[place])]

    return order


def _steps() -> dict[str, Callable[[str, Sequence[Found]], list[Found]]]:
    added, found = ["dense", "lexical"], {}
    for name, signs in _STEPS.items():
        added += signs
        found[f"+ {name}"] = with_signs(tuple(added))
    return found


FUSIONS: dict[str, Callable[[Sequence[Match]], list[Match]]] = {
    "rrf k=10": reciprocal(10),
    "convex 0.7": convex(0.7),
    "convex 0.5": convex(0.5),
}
STEPS = _steps()
