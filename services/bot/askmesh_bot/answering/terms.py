"""What a text is about, as far as its words tell: content terms, identifiers, numbers, quotes and names."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

# Words that say how something is asked or told, not what about.
_STOPWORDS = """
    a about above after again all also am an and any anyone anything are as at be because been before being
    below between both but by can cannot could did do does doing done down during each either else etc every
    few for from further get gets give given go had has have having he her here hers him his how however i if
    in instead into is it its just kind know let like long make many may me mean might mine more most much must
    my need needed no nor not now of off ok on once one ones only or other our ours out over own please
    possible same shall she should show so some someone something such sure tell than thank thanks that the
    their theirs them then there these they thing things this those through to too under until up us use used
    uses using very via want wants was way ways we well were what when where whether which while who whom whose
    why will with within without work works would yes you your yours don't doesn't isn't can't won't didn't i'm
    it's that's there's what's hello hi hey help explain describe anybody happen happens example examples
    mentioned say says said question answer
"""
STOPWORDS = frozenset(_STOPWORDS.split())

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_CJK}]|[^\W{_CJK}]+(?:['’][^\W\d_]+)?")
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_]+")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)*(?![\d_])")
_DOTTED = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+"
_IDENTIFIER = re.compile(
    rf"(?<![\w./@-])(?:{_DOTTED}|[A-Za-z]\w*_\w+|_+[A-Za-z]\w*|[A-Za-z_]\w*(?=\(\))|--[a-z][\w-]+)(?![\w/@])"
)
# Names of files and hosts look like dotted names, but nobody's documentation has to hold them.
_NOT_CODE = re.compile(
    r"\.(?:txt|json|csv|py|md|rst|ya?ml|toml|ini|cfg|html?|xml|pdf|log|zip|com|org|net|io|dev|ai)$", re.I
)
_ABBREVIATIONS = frozenset({"e.g", "i.e", "a.m", "p.m", "u.s", "u.k", "a.k.a"})
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.S)
_QUOTED = re.compile(r"[\"“]([^\"“”\n]{2,200})[\"”]|(?<!\w)['‘]([^'‘’\s]{2,80})['’](?!\w)")
_CLASS = re.compile(r"(?<![\w.])[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+(?!\w)")
_INVENTED = ("my_", "your_", "our_", "foo", "bar")
_ARGUMENT = re.compile(
    r"(?<![\w.?&/])`?([A-Za-z_]\w*)`?=(?=[\w'\"{\[(-])|(?<![\w.])`?([A-Za-z_]\w*)`? (?:argument|parameter|option) (?:of|to|in|for)\b"
)
_PROPER = re.compile(r"\b\w*[A-Z]\w*[A-Z]\w*\b|(?<!^)(?<![.!?] )\b[A-Z][a-z]\w+")
_NAME = re.compile(r"(?<=[a-z,;)] )(?:[A-Z][\w'’-]+|[A-Z]{2,})")
_SHORTEST_ROOT, _LONGEST_ENDING = 5, 4
_VOWEL = re.compile(r"[aeiouy]")


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """A light English stem: plurals, -ing, -ed and a final e go, so that `reads`, `reading` and `read` are one term."""
    word = word.lower().split("'")[0].split("’")[0]
    if len(word) > 4 and word.endswith("ies"):
        word = word[:-3] + "y"
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for suffix in ("ing", "ed"):
        rest = word.removesuffix(suffix)
        if rest != word and len(rest) > 2 and _VOWEL.search(rest):
            word = rest[:-1] if rest[-1] == rest[-2] and rest[-1] not in "lsz" else rest
            break
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


def words(text: str) -> Iterator[str]:
    """Every word, and the parts of each compound one: `read_text` gives read_text, read and text."""
    for word in _WORD.findall(text):
        yield word
        yield from _parts(word)


def stems(text: str) -> frozenset[str]:
    """The stems of every word and part of a word."""
    return _read(text)[0]


def holds_pair(text: str, pair: tuple[str, str]) -> bool:
    """Whether words with these stems stand side by side in a text."""
    return f" {pair[0]} {pair[1]} " in _read(text)[1]


def pairs(text: str) -> tuple[tuple[str, str], ...]:
    """The stems of each two words that stand side by side, each pair once."""
    return tuple(dict.fromkeys(pairwise(stem(word) for word in _WORD.findall(text))))


# The passages of a question are looked at by several steps.
@lru_cache(maxsize=512)
def _read(text: str) -> tuple[frozenset[str], str]:
    """The stems of a text as a set, and as one line in their order."""
    found = _WORD.findall(text)
    return frozenset().union(*map(_stems_of, set(found))), f" {' '.join(map(stem, found))} "


@lru_cache(maxsize=65_536)
def _parts(word: str) -> tuple[str, ...]:
    if word.islower() and word.isalpha():
        return ()
    parts = [part for chunk in word.split("_") for part in _CAMEL.findall(chunk)]
    return tuple(parts) if len(parts) > 1 else ()


@lru_cache(maxsize=65_536)
def _stems_of(word: str) -> frozenset[str]:
    return frozenset(map(stem, (word, *_parts(word))))


def content_terms(text: str) -> tuple[str, ...]:
    """The stems that say what a text is about, in order, each once. Parts of compounds are not listed apart."""
    return tuple(content_words(text))


def content_words(text: str) -> dict[str, str]:
    """The same, each with the word it first stood as."""
    found: dict[str, str] = {}
    for word in _WORD.findall(text):
        if word.lower().replace("’", "'") not in STOPWORDS and (len(word) > 1 or word.isdigit() or not word.isascii()):
            found.setdefault(stem(word), word)
    return found


def related(one: str, other: str) -> bool:
    """Whether one stem is the other with a short ending: `harass` and `harassment`."""
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    return (
        len(shorter) >= _SHORTEST_ROOT and len(longer) - len(shorter) <= _LONGEST_ENDING and longer.startswith(shorter)
    )


def numbers(text: str) -> frozenset[str]:
    """Numbers and versions, without thousands separators."""
    return frozenset(re.sub(r",(?=\d{3}\b)", "", match.group()) for match in _NUMBER.finditer(text))


def identifiers(text: str) -> tuple[str, ...]:
    """Names that can only be code: dotted, snake_case, called, options. Calls lose their parentheses."""
    found = (match.group() for match in _IDENTIFIER.finditer(text))
    kept = (name for name in found if not _NOT_CODE.search(name) and name.lower() not in _ABBREVIATIONS)
    return tuple(dict.fromkeys(kept))


def named_identifiers(question: str) -> tuple[str, ...]:
    """Code that the question names and the sources should know; names a user makes up for their own are left out."""
    spans = [name for span in code_spans(question) for name in identifiers(f"{span} ")]
    plain = identifiers(without_code_spans(question))
    return tuple(dict.fromkeys(name for name in (*spans, *plain) if not name.lower().startswith(_INVENTED)))


def named_arguments(question: str) -> tuple[str, ...]:
    """What the question says is an argument of something: `encoding=…`, `the encoding argument of …`."""
    return tuple(dict.fromkeys(match.group(1) or match.group(2) for match in _ARGUMENT.finditer(question)))


def camel_case(text: str) -> tuple[str, ...]:
    """Names such as `TaskGroup`, written as classes are."""
    return tuple(dict.fromkeys(match.group() for match in _CLASS.finditer(text)))


def proper_names(text: str) -> tuple[str, ...]:
    """The stems of acronyms, of names with odd capitals, and of capitalised words inside a sentence."""
    return tuple(dict.fromkeys(stem(match.group()) for match in _PROPER.finditer(text)))


def code_spans(text: str) -> tuple[str, ...]:
    """What stands between backticks."""
    return tuple(match.group(2).strip() for match in _CODE_SPAN.finditer(text))


def without_code_spans(text: str) -> str:
    """The text with a blank for each code span."""
    return _CODE_SPAN.sub(" ", text)


def quotes(text: str) -> tuple[str, ...]:
    """What stands between quotation marks."""
    return tuple(match.group(1) or match.group(2) for match in _QUOTED.finditer(text))


def names(text: str) -> frozenset[str]:
    """Capitalised words that do not begin a sentence."""
    return frozenset(match.group() for match in _NAME.finditer(text))
