"""Whether passages support a sentence: they hold its facts word for word, and say what it says."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from askmesh_bot.answering.base import Passage
from askmesh_bot.answering.terms import (
    code_spans,
    content_terms,
    identifiers,
    names,
    numbers,
    quotes,
    stems,
    without_code_spans,
)

_TOKEN = re.compile(r"[A-Za-z_]\w*|\d+(?:\.\d+)*")
_CALLED = re.compile(r"([A-Za-z_]\w*)\s*\(|\.([A-Za-z_]\w*)")
_BOUND = re.compile(r"\b([A-Za-z_]\w*)\s*=(?!=)|\b(?:as|for|def|class|import)\s+([A-Za-z_]\w*)")
_EVERYWHERE = frozenset(
    [
        "print",
        "len",
        "str",
        "int",
        "float",
        "list",
        "dict",
        "set",
        "tuple",
        "open",
        "range",
        "super",
        "type",
        "isinstance",
        "sorted",
        "enumerate",
        "zip",
        "map",
        "filter",
        "if",
        "for",
        "while",
        "return",
        "with",
        "as",
        "def",
        "class",
        "import",
        "from",
        "in",
        "and",
        "or",
        "not",
        "is",
        "None",
        "True",
        "False",
        "main",
        "self",
    ]
)
_LIST_MARKER = re.compile(r"^[ \t]*(?:\d{1,3}[.)][ \t]+|#{1,6}[ \t]+|[-*+•][ \t]+)")


@dataclass(frozen=True)
class Facts:
    """What must stand in a passage as it stands in the sentence."""

    numbers: frozenset[str]
    code: tuple[str, ...]
    quotes: tuple[str, ...]
    names: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.numbers or self.code or self.quotes or self.names)


def facts(sentence: str) -> Facts:
    """The facts of one sentence without its [n]. The number of a list item is no fact."""
    sentence = _LIST_MARKER.sub("", sentence)
    prose = without_code_spans(sentence)
    return Facts(
        numbers=numbers(prose),
        code=tuple(dict.fromkeys((*code_spans(sentence), *identifiers(prose)))),
        quotes=quotes(prose),
        names=names(prose),
    )


class Evidence:
    """The passages a sentence may rest on, read together."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages = passages
        self._text = " ".join(f"{passage.header} {passage.text}" for passage in passages)

    def holds(self, facts: Facts) -> bool:
        """Whether every fact is there."""
        return (
            facts.numbers <= self._numbers
            and all(self._holds_code(code) for code in facts.code)
            and all(self._holds_text(quote) for quote in facts.quotes)
            and all(self._holds_name(name) for name in facts.names)
        )

    def overlap(self, sentence: str) -> float:
        """The share of the sentence's content terms that are there."""
        terms = content_terms(sentence)
        return sum(term in self._stems for term in terms) / len(terms) if terms else 0.0

    def holds_block(self, code: str) -> bool:
        """Whether what a code block calls is there, apart from what it defines itself and what any language has."""
        own = {name for pair in _BOUND.findall(code) for name in pair}
        called = {name for pair in _CALLED.findall(code) for name in pair if name}
        unknown = {name for name in called if name.lower() not in self._words} - own - _EVERYWHERE
        return not unknown and all(self._holds_text(url) for url in re.findall(r"\w+://[^\s\"'`)>]+", code))

    def _holds_text(self, text: str) -> bool:
        return " ".join(text.lower().split()) in self._folded

    def _holds_name(self, name: str) -> bool:
        """Whether a name is there, or every part of one with hyphens or apostrophes."""
        plain = name.lower().replace("’", "'").removesuffix("'s")
        return all(part in self._words for part in re.split(r"[-']", plain) if part)

    def _holds_code(self, code: str) -> bool:
        bare = code.removesuffix("()")
        if self._holds_text(bare):
            return True
        # An example call such as `open(path, "r")` may be put together; a dotted or unknown name may not.
        tokens = _TOKEN.findall(code)
        return (
            "." not in bare.partition("(")[0] and bool(tokens) and all(token.lower() in self._words for token in tokens)
        )

    @cached_property
    def _folded(self) -> str:
        return " ".join(self._text.lower().split())

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(token.lower() for token in _TOKEN.findall(self._text)) | self._numbers

    @cached_property
    def _numbers(self) -> frozenset[str]:
        return numbers(self._text)

    @cached_property
    def _stems(self) -> frozenset[str]:
        return stems(self._text)
