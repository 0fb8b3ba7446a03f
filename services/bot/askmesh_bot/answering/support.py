"""Whether passages support a sentence: they hold its facts word for word, and say what it says."""

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import cached_property

from askmesh_bot.answering import blocks
from askmesh_bot.answering.base import Passage
from askmesh_bot.answering.figures import figures
from askmesh_bot.answering.polarity import Claims
from askmesh_bot.answering.terms import (
    code_spans,
    content_terms,
    identifiers,
    names,
    quotes,
    stem,
    stems,
    without_code_spans,
)

_TOKEN = re.compile(r"[A-Za-z_]\w*|\d+(?:\.\d+)*")
_CALLED = re.compile(r"\b([A-Za-z_]\w*)\s*\(|\.([A-Za-z_]\w*)")
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
_EVERYWHERE_STEMS = frozenset(stem(name) for name in _EVERYWHERE)
_INVENTED = ("my_", "your_", "foo", "bar")
# A block must be at least half in words of the passages; so must each of its lines and comments of so many terms.
LEAST_SHARE = 0.5
_LINE_TERMS = 3
_COMMENT_TERMS = 2
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
        numbers=figures(prose),
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

    def contradicts(self, sentence: str) -> bool:
        """Whether the sentence denies what is there, or affirms what is denied there."""
        return self._claims.contradict(sentence)

    def overlap(self, sentence: str) -> float:
        """The share of the sentence's content terms that are there."""
        terms = content_terms(sentence)
        return sum(term in self._stems for term in terms) / len(terms) if terms else 0.0

    def holds_terms(self, terms: Set[str]) -> bool:
        """Whether each of these content terms is there."""
        return terms <= self._stems

    def holds_block(self, block: str) -> bool:
        """Whether a fenced block calls, runs and says only what is there; its arguments and own names may be made up."""
        own = {name for pair in _BOUND.findall(block) for name in pair}
        called = {name for pair in _CALLED.findall(block) for name in pair if name}
        unknown = {name for name in called if name.lower() not in self._words} - own - _EVERYWHERE
        if unknown or not all(self._holds_text(url) for url in re.findall(r"\b\w+://[^\s\"'`)>]+", block)):
            return False
        language, lines = blocks.lines_of(block)
        run = [word for words in blocks.commands(language, lines) for word in blocks.required(words)]
        own_terms = blocks.own_names(block)
        return all(self._holds_word(word) for word in (*run, *blocks.imports(lines))) and all(
            self._holds_line(line, own_terms) for line in lines
        )

    def block_share(self, block: str) -> float:
        """The share of a block's terms that are there, from 0 to 1: names, words and comments, without its own names."""
        _, lines = blocks.lines_of(block)
        own = blocks.own_names(block)
        texts = [text for line in lines for text in (blocks.code_of(line), blocks.comment_of(line))]
        terms = {term for text in texts for term in _claimed(text, own)}
        return len(terms & self._stems) / len(terms) if terms else self.overlap(block)

    def _holds_line(self, line: str, own: frozenset[str]) -> bool:
        for text, least in ((blocks.code_of(line), _LINE_TERMS), (blocks.comment_of(line), _COMMENT_TERMS)):
            terms = _claimed(text, own)
            if len(terms) >= least and len(terms & self._stems) < LEAST_SHARE * len(terms):
                return False
        return True

    def _holds_word(self, word: str) -> bool:
        """Whether a word of a command is there: options and paths as they are, else each part of it."""
        if word.startswith("-"):
            return word in self._options
        if word.startswith(("/", "~")):
            return word in self._text.split() or (len(word) > 2 and self._holds_text(word))
        return all(token.lower() in self._words for token in _TOKEN.findall(word))

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
        known = all(token.lower() in self._words for token in tokens) and figures(code) <= self._numbers
        return "." not in bare.partition("(")[0] and bool(tokens) and known

    @cached_property
    def _folded(self) -> str:
        return " ".join(self._text.lower().split())

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(token.lower() for token in _TOKEN.findall(self._text)) | self._numbers

    @cached_property
    def _claims(self) -> Claims:
        return Claims.of([text for passage in self.passages for text in (passage.header, passage.text)])

    @cached_property
    def _options(self) -> frozenset[str]:
        return blocks.options(self._text)

    @cached_property
    def _numbers(self) -> frozenset[str]:
        return figures(self._text)

    @cached_property
    def _stems(self) -> frozenset[str]:
        return stems(self._text)


def _claimed(code: str, own: frozenset[str]) -> frozenset[str]:
    """The terms of code that the passages should know: no numbers, no names of its own, of any language or made up."""
    terms = frozenset(content_terms(code)) - own - _EVERYWHERE_STEMS
    return frozenset(term for term in terms if not term.isdigit() and not term.startswith(_INVENTED))
