"""Where a question says to look: “according to the FAQ”, “in the API reference”, “what does the README say”."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from askmesh_bot.answering.base import Passage
from askmesh_bot.answering.terms import stem, stems
from askmesh_bot.peers.vectordb import Match

# In the ranking's scores: as much as the fitted signs tell apart, so that what stands elsewhere is far behind.
_ELSEWHERE = 1.0

_CHAT = r"chats?|discord|slack|forum|mailing list"
_DOCS = r"documentation|docs|manual|handbook"
_NOUN = (
    rf"faqs?|read-?me|change ?log|release notes|reference(?: manual)?|{_DOCS}|guide|guidelines|instructions|tutorial|wiki|"
    rf"cookbook|page|{_CHAT}"
)
# “the docs on contributing”, “the release notes for 2.0”
_ABOUT = r"(?:\s+(?:on|for|of)\s+v?[\w-]+(?:\.\w+)*)?"
_NAME = (
    rf"(?:the|our|your|[A-Z]\w*['’]s)\s+(?P<name>(?:[\w#.-]+\s+){{0,3}}?(?P<noun>{_NOUN})(?:\.md|\.rst|\.txt)?"
    rf"(?:(?<=docs|page){_ABOUT}|(?<=guide|notes){_ABOUT})?)\b"
)
_SAYS = (
    r"says?|states?|shows?|tells?|mentions?|describes?|explains?|recommends?|suggests?|advises?|wants?|requires?|asks?|puts?|"
    r"gives?|lists?|contains?|covers?"
)
_SAID = r"said|says?|told|wrote|written|mentioned|discussed|asked|answered|people|anyone|anybody|someone|somebody"
_ENDS = r"(?=\s*(?:[,:;.?!)]|$|about\b|regarding\b))"
_PHRASES = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        rf"\b(?:according to|per|(?:says?|shown|described|explained) (?:by|in))\s+{_NAME}",
        rf"\b(?:do|does|did)\s+{_NAME}\s+(?={_SAYS})",
        rf"\b(?:as\s+)?{_NAME}\s+(?:{_SAYS})\b(?: it)?",
        rf"\b(?:says|said)\s+{_NAME}",
    )
)
# What these stand for may also be a thing that a program reads, writes or opens: only at an end of the question.
_PLACES = tuple(
    re.compile(pattern, re.I) for pattern in (rf"^\W*(?:in|on|from)\s+{_NAME}", rf"\b(?:in|on|from)\s+{_NAME}{_ENDS}")
)
# People talk in a chat about programs that send something into one: only where something was said.
_SPOKEN = re.compile(rf"\b(?:{_SAID})\b(?:(?!\bin\b).){{0,80}}?\bin\s+{_NAME}", re.I)
_FILE = re.compile(r"\b(?:in|from|per|according to|does|did)\s+`?(?P<file>[\w./-]+\.(?:md|rst|txt))\b`?", re.I)

_FLUFF = frozenset({"official", "current", "latest", "newest", "online", "own", "project", "on", "for", "of", "the"})
# Names that people give the same kind of page.
_SAME = {
    "faq": ({"faq"}, {"frequently", "asked", "questions"}),
    "readme": ({"readme"},),
    "changelog": ({"changelog"}, {"changes"}, {"release", "notes"}, {"release", "history"}, {"news"}, {"whatsnew"}),
    "tutorial": ({"tutorial"}, {"getting", "started"}),
}
_KINDS = {"faqs": "faq", "read-me": "readme", "change log": "changelog", "release notes": "changelog"}
_KINDS |= {"reference manual": "reference"}
_VERSION = re.compile(r"(?<![\d.])\d+(?:\.\d\w*)+")
_LEAST_COMMON, _COMMON_SHARE = 5, 0.8


@dataclass(frozen=True)
class NamedSource:
    """What is asked for, and the question without it."""

    noun: str
    # The stems that tell which one: of “the configuration reference”, configuration.
    which: frozenset[str]
    rest: str


@dataclass(frozen=True)
class _Place:
    kind: str
    path: str
    # The stems of path and title, and with the headings.
    document: frozenset[str]
    everything: frozenset[str]

    @classmethod
    def of(cls, match: Match) -> "_Place":
        return cls.named(*(str(match.metadata.get(key, "")) for key in ("kind", "path", "title", "header")))

    @classmethod
    def named(cls, kind: str, path: str, title: str, header: str) -> "_Place":
        document = frozenset() if kind == "thread" else stems(f"{path} {title}")
        # Versions as they are written, for they are no words.
        versions = frozenset(_VERSION.findall(f"{path} {title}".lower()))
        return cls(kind, path, document | versions, document | versions | stems(header))


def named_source(question: str) -> NamedSource | None:
    """The source that a question says to look into, if it says so."""
    if found := _FILE.search(question):
        return NamedSource("file", frozenset({found["file"]}), _without(question, found))
    for pattern in (*_PHRASES, *_PLACES, _SPOKEN):
        found = pattern.search(question)
        if found is None:
            continue
        noun = found["noun"].lower()
        if _is_chat(noun) and pattern in _PLACES:
            continue
        words = found["name"].lower().replace(noun, " ", 1)
        which = frozenset(stem(word) for word in re.findall(r"[\w-]+(?:\.\w+)*", words) if word not in _FLUFF)
        # Of a phrase that begins earlier only what names the source goes.
        rest = question[: found.start("name")] + question[found.end("name") :]
        return NamedSource(_KINDS.get(noun, noun), which, rest if pattern is _SPOKEN else _without(question, found))
    return None


def of_source(question: str, matches: Sequence[Match]) -> list[Match]:
    """The matches in their order, but those of the source that the question names before the others, which are scored as
    far behind. As they are where it names none, or none that is among them."""
    flags = _flags(question, lambda: [_Place.of(match) for match in matches])
    if not any(flags):
        return list(matches)
    own = [match for match, flag in zip(matches, flags, strict=True) if flag]
    others = [match for match, flag in zip(matches, flags, strict=True) if not flag]
    return own + [replace(match, score=match.score - _ELSEWHERE) for match in others]


def plain(question: str, matches: Sequence[Match]) -> str:
    """The question without the source it names, where that is among the matches: the rest is what the passages are about."""
    named = named_source(question)
    return named.rest if named and any(_among(named, [_Place.of(match) for match in matches])) else question


def in_named_source(question: str, passages: Sequence[Passage]) -> list[bool]:
    """Which passages are of the source that the question names; all of them where it names none of theirs."""
    flags = _flags(question, lambda: [_Place.named(one.kind, one.path, one.title, one.header) for one in passages])
    return flags if any(flags) else [True] * len(passages)


def _flags(question: str, places: Callable[[], Sequence[_Place]]) -> list[bool]:
    """Which places are of the source that is named; empty where none is, as in most questions."""
    named = named_source(question)
    return _among(named, places()) if named else []


def _among(named: NamedSource, places: Sequence[_Place]) -> list[bool]:
    """Which places are of the named source."""
    if named.noun == "file":
        (wanted,) = named.which
        return [_ends_with(place.path, wanted) for place in places]
    if _is_chat(named.noun):
        return [place.kind == "thread" and _holds(place.everything, named.which) for place in places]
    # The named page itself; else pages about that; else headings that are called so.
    for flags in (
        [_is_called(place, named.noun) and _holds(place.document, named.which) for place in places],
        [bool(named.which) and _holds(_with_kind(place), named.which) for place in places],
        [bool(named.which) and place.kind != "thread" and _holds(place.everything, named.which) for place in places],
        [
            re.fullmatch(_DOCS, named.noun) is not None and not named.which and place.kind != "thread"
            for place in places
        ],
    ):
        if any(flags):
            return flags
    return []


def _is_called(place: _Place, noun: str) -> bool:
    """Whether a document's path or title has the noun, or another name for it."""
    return any({stem(word) for word in name} <= place.document for name in _SAME.get(noun, ({noun},)))


def _with_kind(place: _Place) -> frozenset[str]:
    """Documentation that stands in the code is the API's."""
    return place.document | ({"api"} if place.kind == "docstring" else frozenset())


def _holds(words: frozenset[str], wanted: frozenset[str]) -> bool:
    return all(any(_alike(word, one) for word in words) for one in wanted)


def _alike(one: str, other: str) -> bool:
    """Whether one stem begins like the other: `install` and `installation`, `config` and `configuration`."""
    if one == other:
        return True
    shorter = min(len(one), len(other))
    common = max(_LEAST_COMMON, int(_COMMON_SHARE * shorter + 0.999))
    return shorter >= common and one[:common] == other[:common]


def _ends_with(path: str, wanted: str) -> bool:
    parts, last = PurePosixPath(path.lower()).parts, PurePosixPath(wanted.lower().lstrip("./")).parts
    return bool(last) and parts[-len(last) :] == last


def _is_chat(noun: str) -> bool:
    return re.fullmatch(_CHAT, noun) is not None


def _without(question: str, found: re.Match[str]) -> str:
    return " ".join(f"{question[: found.start()]} {question[found.end() :]}".split()).lstrip(",:; ")
