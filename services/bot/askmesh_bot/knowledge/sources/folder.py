"""A folder of documents: Markdown, reStructuredText and plain text."""

from pathlib import Path

from askmesh_bot.knowledge.base import Source
from askmesh_bot.knowledge.sources.files import DOCUMENT_SUFFIXES, FilesSource
from askmesh_bot.knowledge.sources.spec import InvalidSource, SourceSpec


def folder_source(spec: SourceSpec) -> Source:
    """The documents below `spec.location`. Raises InvalidSource unless it is a folder or a document."""
    path = Path(spec.location)
    if path.is_file() and path.suffix.lower() in DOCUMENT_SUFFIXES:
        return FilesSource(spec, path.parent, DOCUMENT_SUFFIXES, within=path.name)
    if not path.is_dir():
        raise InvalidSource(f"{spec.location} is not a folder on the machine that the bot runs on")
    return FilesSource(spec, path, DOCUMENT_SUFFIXES)
