"""What can be learned. A source yields documents; a document is cut into sections at its own borders."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

Kind = Literal["markdown", "rst", "text", "docstring", "thread"]


@dataclass(frozen=True)
class Section:
    """A structural unit of a document: what stands under one heading, one function, one thread turn."""

    # Where it stands: heading texts from the outside in, or a qualified name with its signature.
    breadcrumbs: tuple[str, ...]
    text: str
    line_start: int  # 1-based, inclusive
    line_end: int
    anchor: str = ""
    symbol: str = ""
    # Line of the text's first line, where a heading or a signature stands above it. 0: line_start.
    text_line: int = 0
    # Context that is not to be quoted as a statement: what a thread asks, or what it takes back later.
    aside: bool = False


@dataclass(frozen=True)
class Parsed:
    """What a parser makes of one file's text. `title` is empty where the file names none."""

    title: str
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Document:
    """One page, module, thread or issue, as its source has it now."""

    id: str  # stable within its source
    title: str
    path: str
    kind: Kind
    text: str
    sections: tuple[Section, ...]
    content_hash: str
    audience: tuple[str, ...] = ("public",)
    updated_at: datetime | None = None
    # Addresses by anchor, where the source knows them.
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Chunk:
    """What is embedded: a piece of a section under its header, small enough for the encoder to read whole."""

    document: str
    position: int  # order in the document
    key: str  # unique in its document and untouched by edits elsewhere in it: part of the record id
    header: str
    text: str
    line_start: int
    line_end: int
    anchor: str = ""
    symbol: str = ""


class SourceUnavailable(Exception):
    """A source can't be read now. Nothing that was learned from it is deleted on its account."""


class Source(Protocol):
    """Something to learn from."""

    @property
    def id(self) -> str:
        """Stable, unique in the bot, part of every record id."""

    @property
    def title(self) -> str:
        """What people call it: the start of its chunks' headers."""

    async def total(self) -> int | None:
        """How many documents there are, or None where counting costs as much as reading. Raises SourceUnavailable."""

    def documents(self, since: datetime | None = None) -> AsyncIterator[Document]:
        """Every document there is, or those changed after `since`. Raises SourceUnavailable."""

    def link(self, document: Document, chunk: Chunk) -> str:
        """The address that opens exactly this chunk; the bot's own reader starts with `/read/`."""
