"""Words as the ranking sees them: identifiers taken apart, endings cut, function words told from content words."""

import re
from collections.abc import Iterator
from functools import lru_cache


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Function words and the frame of a question: they say nothing about what is asked.
STOPWORDS = _words("""
    a about after again all also am an and any are aren't as at be because been before being between both but by can
    can't cannot could couldn't did didn't do does doesn't doing don't done each else ever for from further had has
    hasn't have haven't having he her here hers him his how i i'd i'm i've if in into is isn't it it's its itself
    just let's let me might mine more most much must my myself no nor not now of off on once one only onto or other
    our ours out over own please per same shall she should so some such than thank thanks that that's the their
    theirs them then there there's these they this those through to too under until up upon us very was wasn't way
    ways we were weren't what what's when where where's whether which while who whom whose why will with within
    without won't would wouldn't yes yet you your yours hi hello hey someone somebody something anything everything
    nothing
""")
# Words that many questions share whatever they are about: they count, but little.
LIGHT_WORDS = _words("""
    use using used usage way get gets getting got make makes making made need needs want wants try trying tried work
    works working find know tell explain describe show give example examples mean means meaning possible best good
    right correct proper simple easy easiest simplest difference happen happens help like thing things able allow
    allows kind sort exactly actually python library module package project function method class tool program code
    documentation docs doc guide tutorial say says call called name instead
""")
LIGHT_WEIGHT = 0.3
# An acronym, a name or a code name in a question is what it is about, more than its other words.
NAME_WEIGHT = 1.7

_TOKEN = re.compile(r"[^\W_](?:[\w']*\w)?(?:\.[^\W\d]\w*)*|_{1,2}\w+|\d+(?:\.\d+)*")
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_NUMBER = re.compile(r"\d[\d.]*")


def words(text: str) -> list[str]:
    """The stems of `text` in order; an identifier gives itself and its parts (`read_text` -> read_text, read, text)."""
    return [stem for token in _TOKEN.findall(text) for stem in _forms(token)]


def content_words(text: str) -> dict[str, float]:
    """The stems that say what `text` is about, in order, with their weights (1, less for light words)."""
    weights: dict[str, float] = {}
    begins = True
    for match in _TOKEN.finditer(text):
        token, plain = match[0], match[0].lower()
        weight = LIGHT_WEIGHT if plain in LIGHT_WORDS else NAME_WEIGHT if _is_name(token, begins) else 1.0
        begins = text[match.end() : match.end() + 1] in (".", "?", "!")
        forms = _forms(token)
        for form in forms:
            if plain in STOPWORDS or form in STOPWORDS or (len(form) < 2 and not form.isdigit()):
                continue
            # The parts of a compound name share its weight.
            share = weight if len(forms) == 1 else 1.0
            weights[form] = max(share, weights.get(form, 0.0))
    return weights


def identifiers(text: str) -> frozenset[str]:
    """The code names in `text`, lower case: dotted, with underscores, in CamelCase, called, or in backticks."""
    quoted = " ".join(re.findall(r"`+([^`]+)`+", text))
    found = {token for token in _TOKEN.findall(text) if _is_identifier(token)}
    found.update(re.findall(r"\b([A-Za-z_][\w.]*)\(", text))
    found.update(_TOKEN.findall(quoted))
    return frozenset(name.lower() for name in found)


def code_names(text: str) -> frozenset[str]:
    """The names in `text` that can only be code: those of `identifiers`, except words that only have odd capitals."""
    return frozenset(
        name
        for name in identifiers(text)
        if "_" in name or "." in name or f"{name}(" in text.lower() or f"`{name}`" in text.lower()
    )


def _is_name(token: str, begins_sentence: bool) -> bool:
    """An acronym (USDZ), a mixed name (OpenXR, mp4), or a capital inside a sentence (Slack)."""
    inner = token[1:]
    mixed = any(char.isupper() for char in inner) or (token[0].isalpha() and any(char.isdigit() for char in inner))
    return len(token) > 1 and (mixed or (token[0].isupper() and not begins_sentence))


def _is_identifier(token: str) -> bool:
    inner = token[1:]
    return "." in token or "_" in token or (any(char.isupper() for char in inner) and any(c.islower() for c in token))


@lru_cache(maxsize=65_536)
def _forms(token: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_all_forms(token)))


def _all_forms(token: str) -> Iterator[str]:
    if _NUMBER.fullmatch(token):
        yield token
        return
    token = token.removesuffix("'s")
    parts = [part for piece in re.split(r"[._]+", token) if piece for part in _CAMEL.findall(piece) or [piece]]
    if len(parts) > 1:
        yield token.lower()
        last = token.rpartition(".")[2].lower()
        if last != token.lower():
            yield last
    for part in parts:
        yield stem(part.lower())


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """A light stemmer: plural, -ing, -ed, -er, -ly and a final e go, so that `parsing`, `parsed`, `parse` meet."""
    if len(word) <= 3 or not word.isascii() or not word.isalpha():
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith(("sses", "shes", "ches", "xes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for suffix, left in (("ing", 3), ("ed", 3), ("ly", 4)):
        if word.endswith(suffix) and len(word) - len(suffix) >= left and re.search("[aeiouy]", word[: -len(suffix)]):
            word = word[: -len(suffix)]
            if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    return word[:-1] if word.endswith("e") and len(word) > 3 else word
