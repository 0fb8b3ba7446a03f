"""Text to search words, for documents and queries alike: identifiers count as a whole and in parts.

`pathlib.Path.read_text` gives `pathlib_path_read_text`, `read_text`, `pathlib`, `path`, `read`, `text`, so a question
finds it by any of them. FTS5 then folds accents and stems (porter).
"""

import re
from collections.abc import Iterator

_CHUNK = re.compile(r"\w+(?:\.\w+)*")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+")
_LONGEST = 64

# Words that say nothing about what a question is about: they would match, and so rank, nearly every document.
_STOP_WORDS = (
    "a an and any are as at be but by can could did do does for from had has have how i if in into is it its me my no "
    "not of on or our should so than that the their them then there these they this to was we were what when where "
    "which who why will with would you your"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())


def words(text: str) -> Iterator[str]:
    """The words of a text in order, lower case, made of word characters only; identifiers followed by their parts."""
    for chunk in _CHUNK.findall(text):
        names = chunk.split(".")
        if len(names) > 1:
            yield from _word("_".join(names))
        for name in names:
            yield from _name(name)


def query_words(text: str, most: int = 64) -> list[str]:
    """The distinct words worth searching for, at most `most`."""
    found = dict.fromkeys(word for word in words(text) if word)
    telling = [word for word in found if word not in STOP_WORDS]
    return (telling or list(found))[:most]


def _name(name: str) -> Iterator[str]:
    if _CJK.search(name):
        yield from _without_spaces(name)
        return
    yield from _word(name)
    if name.isalpha() and (name.islower() or name.istitle() or name.isupper()):
        return
    parts = _PART.findall(name)
    if len(parts) > 1 or (parts and parts[0] != name):
        for part in parts:
            if len(part) > 1:
                yield from _word(part)


def _word(word: str) -> Iterator[str]:
    # An underscore is a letter to FTS5 here; at the ends it is decoration: `__init__` is `init`.
    stripped = word.strip("_").lower()
    if stripped:
        yield stripped[:_LONGEST]


def _without_spaces(name: str) -> Iterator[str]:
    """Scripts written without spaces, by overlapping pairs of characters."""
    for run in re.findall(rf"{_CJK.pattern}|[^\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+", name):
        if not _CJK.match(run):
            yield from _word(run)
        elif len(run) == 1:
            yield run
        else:
            yield from (run[i : i + 2] for i in range(len(run) - 1))
