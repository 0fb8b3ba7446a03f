"""Words that share a beginning: parse and parser, delete and deletion."""

from collections.abc import Collection

_SHARE = 0.7
_LONGEST_ENDING = 4
_SHORTEST_ROOT = 4


def related(word: str, vocabulary: Collection[str]) -> dict[str, float]:
    """The words of `vocabulary` that answer to `word`, each with how well: 1 for the word itself."""
    found: dict[str, float] = {}
    if len(word) >= _SHORTEST_ROOT:
        found = {other: _SHARE for other in vocabulary if _same_root(word, other)}
    if word in vocabulary:
        found[word] = 1.0
    return found


def _same_root(left: str, right: str) -> bool:
    """Whether one word is the other with a short ending."""
    more = len(right) - len(left)
    if more > 0:
        return more <= _LONGEST_ENDING and right.startswith(left)
    return -_LONGEST_ENDING <= more < 0 and len(right) >= _SHORTEST_ROOT and left.startswith(right)
