"""One ranking from what `/search` says of each match, and from how its words answer to the question's."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from askmesh_bot.answering.dating import asked_version, is_of_another, version_in
from askmesh_bot.answering.terms import camel_case, content_terms, holds_pair, named_identifiers, pairs, stems
from askmesh_bot.peers.vectordb import Match

_SYMBOL = re.compile(r"[A-Za-z_][\w.]*(?=\(|$)")
# Fewer words than this are no documentation.
_FEW_WORDS = 6
# Of a heading, in terms and in characters.
_LONGEST_TITLE, _LONGEST_HEADING = 4, 80
_MODULE_CODE = "(module code)"


class Signs(NamedTuple):
    """What is known of a match, each from 0 to 1."""

    # Cosine and lexical score, each as a share of the question's best one: Bruch, Gai and Ingber, "An Analysis of Fusion
    # Functions for Hybrid Retrieval", TOIS 2023.
    dense: float
    lexical: float
    # The question calls the documented object by its name, or is a heading.
    named: float
    # The share of the question's terms, rare ones counting more, that it holds, and that its header holds.
    terms: float
    header: float
    # The share of the question's neighbouring words that are neighbours there too.
    pairs: float
    # An object without a docstring, statements of a module, a private name: seldom what is asked for.
    bare: float
    code: float
    private: float


# A conditional logit of "this one answers", fitted by evals/fit_ranking.py on the dev halves of FURY, the standard library
# and SQuAD 2.0 (docs/decisions/0064); scaled so that the two scores' shares are 1.
WEIGHTS = Signs(
    dense=0.8, lexical=0.2, named=1.1, terms=0.45, header=0.17, pairs=0.44, bare=-0.29, code=-0.27, private=-0.23
)


@dataclass(frozen=True)
class _Asked:
    names: frozenset[str]
    # Each term with its inverse document frequency among the matches.
    terms: Mapping[str, float]
    pairs: Sequence[tuple[str, str]]

    @classmethod
    def of(cls, question: str, matches: Sequence[Match]) -> "_Asked":
        names = frozenset(name.lower() for name in (*named_identifiers(question), *camel_case(question)))
        terms = content_terms(question)
        title = {" ".join(terms)} if 0 < len(terms) <= _LONGEST_TITLE else set()
        held = [stems(header) | stems(body) for header, body in map(_texts, matches)]
        counts = {term: sum(term in words for words in held) for term in terms}
        rarity = {term: math.log(1 + (len(held) - n + 0.5) / (n + 0.5)) for term, n in counts.items()}
        return cls(names | title, rarity, [pair for pair in pairs(question) if rarity.keys() & set(pair)])

    def share(self, words: frozenset[str]) -> float:
        total = sum(self.terms.values())
        return sum(weight for term, weight in self.terms.items() if term in words) / total if total else 0.0


def rescored(question: str, matches: Sequence[Match]) -> list[Match]:
    """The matches in a better order, with their new scores. Where a store tells no scores, its own order stays."""
    best_dense = max((match.similarity or 0.0 for match in matches), default=0.0)
    best_lexical = max((match.lexical_score or 0.0 for match in matches), default=0.0)
    if best_dense <= 0 or best_lexical <= 0:
        return list(matches)
    asked = _Asked.of(question, matches)

    def score(match: Match) -> float:
        return _score(signs(asked, match, best_dense, best_lexical))

    # Python's sort is stable: among equals the database's order decides.
    return sorted((replace(match, score=score(match)) for match in matches), key=lambda match: -match.score)


def of_version(question: str, matches: Sequence[Match]) -> list[Match]:
    """The matches in their order, those whose path or header names another version than the question after the others."""
    asked = asked_version(question)
    if not asked:
        return list(matches)
    data = ([str(match.metadata.get(key, "")) for key in ("path", "header", "kind")] for match in matches)
    others = [is_of_another(asked, version_in(path, header, kind, question)) for path, header, kind in data]
    return [
        match for other in (False, True) for match, is_other in zip(matches, others, strict=True) if is_other is other
    ]


def all_signs(question: str, matches: Sequence[Match]) -> list[Signs]:
    """The signs of each match, in their order."""
    best_dense = max((match.similarity or 0.0 for match in matches), default=0.0) or 1.0
    best_lexical = max((match.lexical_score or 0.0 for match in matches), default=0.0) or 1.0
    asked = _Asked.of(question, matches)
    return [signs(asked, match, best_dense, best_lexical) for match in matches]


def signs(asked: _Asked, match: Match, best_dense: float, best_lexical: float) -> Signs:
    """What is known of one match, when these are the best scores of all."""
    header, body = _texts(match)
    symbol = header.partition("(")[0]
    common = sum(holds_pair(body, pair) for pair in asked.pairs) / len(asked.pairs) if asked.pairs else 0.0
    return Signs(
        dense=max(0.0, match.similarity or 0.0) / best_dense,
        lexical=max(0.0, match.lexical_score or 0.0) / best_lexical,
        named=float(is_named(header, asked.names)),
        terms=asked.share(stems(header) | stems(body)),
        header=asked.share(stems(header)),
        pairs=common,
        bare=float(len(body.split(None, _FEW_WORDS)) < _FEW_WORDS),
        code=float(_MODULE_CODE in header),
        private=float(" " not in symbol and any(part.startswith("_") for part in symbol.split("."))),
    )


def is_named(header: str, names: frozenset[str]) -> bool:
    """Whether a header's symbol is one of these names, or ends in one: `Path.read_text` is `pathlib.Path.read_text`."""
    if not names:
        return False
    symbol = _SYMBOL.match(header)
    parts = symbol[0].lower().split(".") if symbol else []
    return any(".".join(parts[start:]) in names for start in range(len(parts))) or is_title(header, names)


def is_title(header: str, titles: frozenset[str]) -> bool:
    """Whether the heading that a header ends with is one of these, given as content terms joined by blanks."""
    _, crumb, heading = header.rpartition(" › ")
    return bool(crumb) and len(heading) <= _LONGEST_HEADING and " ".join(content_terms(heading)) in titles


def _score(found: Signs) -> float:
    return sum(sign * weight for sign, weight in zip(found, WEIGHTS, strict=True))


def _texts(match: Match) -> tuple[str, str]:
    return str(match.metadata.get("header", "")), str(match.metadata.get("text", ""))
