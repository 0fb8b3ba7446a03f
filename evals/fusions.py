"""Other ways to make one ranking of the dense and the lexical one, from what `/search` says of each match."""

from collections.abc import Callable, Sequence
from typing import Any

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


# `convex 0.5` is the order as served but for the names that a question calls objects by.
FUSIONS: dict[str, Callable[[Sequence[Match]], list[Match]]] = {
    "rrf k=10": reciprocal(10),
    "convex 0.7": convex(0.7),
    "convex 0.5": convex(0.5),
}
