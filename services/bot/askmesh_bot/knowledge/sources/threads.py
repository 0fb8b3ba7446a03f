"""Threads of chats, from exported files: askmesh's own format, Slack's and Discord's."""

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from datetime import datetime
from pathlib import Path

from askmesh_bot.knowledge.base import Chunk, Document, Source, SourceUnavailable
from askmesh_bot.knowledge.sources.ignore import matches
from askmesh_bot.knowledge.sources.spec import InvalidSource, SourceOptions, SourceSpec, fill_link
from askmesh_bot.knowledge.sources.walk import find_files
from askmesh_bot.knowledge.threads.askmesh_file import read_lines
from askmesh_bot.knowledge.threads.base import Thread
from askmesh_bot.knowledge.threads.discord_file import is_discord, read_discord
from askmesh_bot.knowledge.threads.document import thread_document
from askmesh_bot.knowledge.threads.reading import Unreadable, load_json
from askmesh_bot.knowledge.threads.slack_export import is_slack, read_slack

SUFFIXES = frozenset({".jsonl", ".json"})


def threads_source(spec: SourceSpec) -> Source:
    """The threads in an exported file, or in a folder of them. Raises InvalidSource unless it is one."""
    path = Path(spec.location)
    if path.is_dir() or (path.is_file() and path.suffix.lower() in SUFFIXES):
        return ThreadsSource(spec, path)
    raise InvalidSource(f"{spec.location} is neither a .jsonl or .json export nor a folder of them")


class ThreadsSource:
    """Every thread with a reply. The option `private` also takes in private channels and direct messages, and `include`
    and `exclude` are globs of thread ids."""

    def __init__(self, spec: SourceSpec, path: Path) -> None:
        self._spec, self._path = spec, path

    @property
    def id(self) -> str:
        return self._spec.id

    @property
    def title(self) -> str:
        return self._spec.title

    async def total(self) -> int | None:
        return None

    async def documents(self, since: datetime | None = None) -> AsyncIterator[Document]:
        """Documents in the export's order. Files are read in a thread; one that is broken stops the run, so that
        nothing is taken for deleted."""
        reading = self._read()
        seen: set[str] = set()
        while (document := await asyncio.to_thread(next, reading, None)) is not None:
            if document.id in seen:
                raise SourceUnavailable(
                    f"{self._path} has two threads with the id {document.id}: keep one export of each channel there"
                )
            seen.add(document.id)
            if len(seen) > self._spec.options.max_documents:
                raise SourceUnavailable(
                    f"{self._path} holds more than {self._spec.options.max_documents} threads: learn a part of it, "
                    "exclude some, or raise ASKMESH_LEARNING_MAX_DOCUMENTS"
                )
            if since is None or document.updated_at is None or document.updated_at > since:
                yield document

    def link(self, document: Document, chunk: Chunk) -> str:
        """The message's own address, unless the source has a template: `{path}` is then what the thread's id begins
        with, such as Slack's channel, and `{anchor}` the message's id."""
        if not self._spec.link and (address := document.links.get(chunk.anchor)):
            return address
        path = document.path.partition("/")[0] if self._spec.link else document.path
        return fill_link(self._spec, path, chunk.line_start, chunk.line_end, chunk.anchor, "")

    def _read(self) -> Generator[Document, None, None]:
        try:
            for thread in self._threads():
                if self._is_wanted(thread.id) and (document := thread_document(thread)) is not None:
                    yield document
        except Unreadable as error:
            raise SourceUnavailable(f"{error}") from error
        except OSError as error:
            raise SourceUnavailable(f"{self._path} can't be read: {error.strerror or error}") from error

    def _threads(self) -> Iterator[Thread]:
        if not self._path.exists():
            raise SourceUnavailable(f"{self._path} is not there")
        private = self._spec.options.private
        if is_slack(self._path):
            yield from read_slack(self._path, private=private)
            return
        for file in self._files():
            if file.suffix.lower() == ".jsonl":
                yield from read_lines(file)
            elif file.suffix.lower() == ".json":
                export = load_json(file)
                if is_discord(export):
                    yield from read_discord(export, private=private)
                elif file == self._path:
                    raise SourceUnavailable(f"{file} is no chat export that is known here")

    def _files(self) -> list[Path]:
        if self._path.is_file():
            return [self._path]
        # The globs of the options are for threads.
        names = find_files(self._path, SUFFIXES, SourceOptions(max_documents=self._spec.options.max_documents))
        return [self._path / name for name in names if (self._path / name).is_file()]

    def _is_wanted(self, thread: str) -> bool:
        options = self._spec.options
        return not matches(thread, options.exclude) and (not options.include or matches(thread, options.include))
