"""When the model is down: the sources' own best sentences, each with its number."""

import re
from collections.abc import Sequence

from askmesh_bot.answering.base import Citation, Passage
from askmesh_bot.answering.markup import clean
from askmesh_bot.answering.sentences import SentenceSplitter
from askmesh_bot.answering.terms import content_terms, stems

# Says what follows is about; of a thread, what was asked.
_HEADING = re.compile(r"#{1,6} ")
_QUOTES = 3
_LONGEST = 400
_HEADER_WEIGHT = 0.5
# Only decides between sentences that hold as many of the terms.
_RANK_WEIGHT = 0.1


def quote_best(question: str, passages: Sequence[Passage]) -> tuple[str, tuple[Citation, ...]]:
    """A list of quotes in Markdown, and their citations: the sentences that hold most of the question's terms."""
    terms = content_terms(question)
    scored = [
        (_score(terms, sentence, passage), -passage.number, sentence, passage)
        for passage in passages
        for sentence in _sentences(passage)
    ]
    scored.sort(key=lambda item: item[:2], reverse=True)
    chosen: dict[str, Passage] = {}
    for _, _, sentence, passage in scored:
        if len(chosen) < _QUOTES:
            chosen.setdefault(sentence, passage)
    lines = [f"- “{sentence}” [{passage.number}]" for sentence, passage in chosen.items()]
    return "\n".join(lines), tuple(Citation(passage, sentence) for sentence, passage in chosen.items())


def _sentences(passage: Passage) -> list[str]:
    splitter = SentenceSplitter()
    pieces = [*splitter.feed(passage.text), *splitter.end()]
    texts = (clean(" ".join(piece.text.split()))[0].strip() for piece in pieces if piece.kind == "prose")
    return [
        text if len(text) <= _LONGEST else text[:_LONGEST].rsplit(" ", 1)[0] + " …"
        for text in texts
        if len(text) > 3 and not _HEADING.match(text)
    ]


def _score(terms: Sequence[str], sentence: str, passage: Passage) -> float:
    held, under = stems(sentence), stems(passage.header)
    hits = sum(1.0 if term in held else _HEADER_WEIGHT if term in under else 0.0 for term in terms)
    return hits + _RANK_WEIGHT * passage.score
