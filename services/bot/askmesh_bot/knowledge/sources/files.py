"""Documents from files: what folder, tree and package sources have in common."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path, PurePosixPath

from askmesh_bot.knowledge.base import Chunk, Document, Kind, Parsed
from askmesh_bot.knowledge.parsing.aliases import reexports
from askmesh_bot.knowledge.parsing.python import ModuleContext, parse_python
from askmesh_bot.knowledge.parsing.registry import PARSERS, parser_for
from askmesh_bot.knowledge.sources.spec import SourceSpec, fill_link
from askmesh_bot.knowledge.sources.walk import as_text, find_files, read_text

DOCUMENT_SUFFIXES = frozenset(PARSERS) - {".toml"}
PYTHON_SUFFIXES = frozenset({".py"})
_LONGEST_ID = 400


class FilesSource:
    """The files below `root` that have one of `suffixes`; only those below `within`, if that is given."""

    def __init__(self, spec: SourceSpec, root: Path, suffixes: frozenset[str], within: str = "") -> None:
        self._spec, self._root, self._suffixes, self._within = spec, root, suffixes, within

    @property
    def id(self) -> str:
        return self._spec.id

    @property
    def title(self) -> str:
        return self._spec.title

    async def total(self) -> int | None:
        return len(await asyncio.to_thread(self._find))

    async def documents(self, since: datetime | None = None) -> AsyncIterator[Document]:
        """Documents by path. Files are read and parsed in a thread, one at a time."""
        for path in await asyncio.to_thread(self._find):
            document = await asyncio.to_thread(self._document, path, since)
            if document is not None:
                yield document

    def link(self, document: Document, chunk: Chunk) -> str:
        return fill_link(self._spec, document.path, chunk.line_start, chunk.line_end, chunk.anchor, chunk.symbol)

    def _find(self) -> list[str]:
        if self._within and self._root.joinpath(self._within).is_file():
            return [self._within]
        folder = self._root / self._within
        paths = find_files(folder, self._suffixes, self._spec.options)
        return [f"{self._within}/{path}" for path in paths] if self._within else paths

    def _document(self, path: str, since: datetime | None) -> Document | None:
        text = read_text(self._root, path, self._spec.options)
        if text is None or not text.strip():
            return None
        updated = datetime.fromtimestamp(self._root.joinpath(path).stat().st_mtime, UTC)
        if since is not None and updated <= since:
            return None
        kind, parsed = self._parse(path, text)
        shown = as_text(path)
        name = PurePosixPath(shown)
        fits = shown == path and len(path) <= _LONGEST_ID
        return Document(
            id=path if fits else hashlib.sha256(os.fsencode(path)).hexdigest(),
            title=parsed.title or (name.parent.name if name.stem.lower() in {"index", "readme"} else "") or name.stem,
            path=shown,
            kind=kind,
            text=text,
            sections=parsed.sections,
            # Over the sections too: a parser that learned more, or a new re-export, makes a document new.
            content_hash=hashlib.sha256(f"{text}\0{parsed!r}".encode()).hexdigest(),
            updated_at=updated,
        )

    def _parse(self, path: str, text: str) -> tuple[Kind, Parsed]:
        suffix = PurePosixPath(path).suffix.lower()
        if suffix in PYTHON_SUFFIXES:
            context = ModuleContext(self._module(path), self._aliases, self._spec.options.private)
            return "docstring", parse_python(text, context)
        kind, parse = parser_for(suffix)
        return kind, parse(text)

    def _module(self, path: str) -> str:
        """The dotted name a file is imported by: packages reach up as far as there is an `__init__.py`."""
        file = self._root / path
        parts = [] if file.stem == "__init__" else [file.stem]
        folder = file.parent
        while (folder / "__init__.py").is_file() and folder != folder.parent:
            parts.insert(0, folder.name)
            folder = folder.parent
        return as_text(".".join(parts))

    @cached_property
    def _aliases(self) -> dict[str, str]:
        """Public names of all packages, the shortest where there are several."""
        found: dict[str, str] = {}
        for path in self._find():
            file = PurePosixPath(path)
            if file.name != "__init__.py":
                continue
            for name in (path, path + "i"):
                text = read_text(self._root, name, self._spec.options)
                for target, public in reexports(text or "", self._module(path)).items():
                    if target not in found or public.count(".") < found[target].count("."):
                        found[target] = public
        return found
