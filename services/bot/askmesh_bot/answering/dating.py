"""Which passages are newer, more to be trusted, or about the version that is asked for: by what stands in them and in
their paths."""

import re
from collections.abc import Sequence

from askmesh_bot.answering.base import Passage

# The heading of each message of a thread, and what blogs and change logs have in their paths.
_SENT = re.compile(r"^# [^\n]*?, (\d{4}-\d\d-\d\d)\b", re.M)
_DATED = re.compile(r"(?<!\d)((?:19|20)\d\d-\d\d-\d\d)(?!\d)")
# A version in a question: after a word that says so, or after a name.
_ASKED = re.compile(
    r"\b(?:v|versions? |releases? |in |since |on |with |for |before |until |after |[A-Z]\w+ )(\d{1,3}(?:\.\d{1,4}){1,3})(?![\w.%-]|\s*%"
    r"|\s(?:[kKMGT]i?B|ms|s|seconds|minutes|hours|days|times|percent)\b)"
)
_VERSION = re.compile(
    r"(?<![\w.])(?:(?i:v|version |release (?:notes )?v?)|(?P<of>[A-Z]\w+) )(?P<version>\d{1,4}(?:\.\d{1,4}){1,3})(?![\w-])"
)
_IN_NAME = re.compile(r"(?:^|[^\d.])v?(\d{1,4}(?:\.\d{1,4}){1,3})(?=$|[^\d.]|\.\D)", re.I)


def newer(one: Passage, other: Passage) -> Passage | None:
    """The newer of two passages by date, else by version; else the documentation rather than the conversation."""
    for key in (date_of, version_of):
        mine, theirs = key(one), key(other)
        if mine and theirs and mine != theirs:
            return one if mine > theirs else other
    if (one.kind == "thread") != (other.kind == "thread"):
        return other if one.kind == "thread" else one
    return None


def asked_version(question: str) -> tuple[int, ...]:
    """The version that a question names, if it names one; or nothing."""
    found = {_numbers(text) for text in _ASKED.findall(question)}
    return found.pop() if len(found) == 1 else ()


def is_of_another(asked: Sequence[int], version: Sequence[int]) -> bool:
    """Whether something is about another version than the one that is asked for: 2.0.1 is of 2.0."""
    common = min(len(asked), len(version))
    return bool(common) and tuple(asked[:common]) != tuple(version[:common])


def date_of(passage: Passage) -> tuple[int, ...]:
    """Year, month and day of the latest message of a thread, or those in a path; or nothing."""
    sent = _SENT.findall(passage.text) if passage.kind == "thread" else []
    named = _DATED.search(passage.path)
    day = max(sent, default=named[1] if named else "")
    return tuple(map(int, day.split("-"))) if day else ()


def version_of(passage: Passage) -> tuple[int, ...]:
    """The version that a passage is about, as its path or its header says; or nothing."""
    return version_in(passage.path, passage.header, passage.kind, passage.header)


def version_in(path: str, header: str, kind: str, question: str) -> tuple[int, ...]:
    """The same, as far as it is a version of something that the question names. What people write into a thread's title is
    not what the thread is for."""
    if kind == "thread":
        return ()
    if named := _IN_NAME.search(path):
        return _numbers(named[1])
    found = _VERSION.search(header)
    if found is None or (found["of"] and found["of"].lower() not in question.lower()):
        return ()
    return _numbers(found["version"])


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
