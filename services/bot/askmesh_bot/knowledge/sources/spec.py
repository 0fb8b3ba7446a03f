"""What a source is made from, as its creator gave it."""

import hashlib
import re
from dataclasses import dataclass, field
from string import Formatter
from urllib.parse import quote

LINK_FIELDS = frozenset({"path", "line_start", "line_end", "anchor", "symbol"})


class InvalidSource(Exception):
    """A source can't be made from this description; the message says what is wrong with it."""


@dataclass(frozen=True)
class SourceOptions:
    """What to learn of a source, and its limits."""

    include: tuple[str, ...] = ()  # globs of paths; empty: every file that can be read
    exclude: tuple[str, ...] = ()
    private: bool = False  # private and undocumented Python objects too
    audience: tuple[str, ...] = ()  # who may see it, as labels; empty: as its documents say, mostly everyone
    max_file_bytes: int = 1_000_000
    max_documents: int = 50_000


@dataclass(frozen=True)
class SourceSpec:
    """A source as it is kept in the database."""

    id: str
    collection: str
    kind: str
    location: str
    title: str
    link: str = ""  # template with {path}, {line_start}, {line_end}, {anchor}, {symbol}; empty: the bot's reader
    options: SourceOptions = field(default_factory=SourceOptions)


def source_id(collection: str, kind: str, location: str) -> str:
    """Stable for one location in one collection, readable, and unique in the bot."""
    name = re.sub(r"[^a-z0-9]+", "-", re.split(r"[/\\]", location.rstrip("/\\"))[-1].lower()).strip("-")[:40]
    digest = hashlib.sha256(f"{collection}\0{kind}\0{location}".encode(errors="replace")).hexdigest()[:8]
    return f"{name or kind}-{digest}"


def link_problem(template: str) -> str:
    """Why a link template can't be filled in or is no web address; empty if all is well."""
    try:
        fields = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
    except ValueError as error:
        return f"it is malformed ({error})"
    if unknown := fields - LINK_FIELDS:
        return f"it names {', '.join(sorted(unknown)) or 'nothing'}, known are {', '.join(sorted(LINK_FIELDS))}"
    if not template.startswith(("https://", "http://", "/")):
        return "it must begin with https://, http:// or /"
    return ""


def fill_link(spec: SourceSpec, path: str, line_start: int, line_end: int, anchor: str, symbol: str) -> str:
    """The address of these lines: by the source's own template, else in the bot's reader."""
    if not spec.link:
        return f"/read/{spec.collection}/{spec.id}/{quote(path)}#L{line_start}-L{line_end}"
    return spec.link.format(
        path=quote(path), line_start=line_start, line_end=line_end, anchor=quote(anchor), symbol=quote(symbol)
    )
