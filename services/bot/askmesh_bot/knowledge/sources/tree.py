"""A source tree: its documentation and its Python modules in one, as an unpacked source distribution has them."""

from pathlib import Path

from askmesh_bot.knowledge.base import Source
from askmesh_bot.knowledge.sources.files import DOCUMENT_SUFFIXES, PYTHON_SUFFIXES, FilesSource
from askmesh_bot.knowledge.sources.spec import InvalidSource, SourceSpec

# pyproject.toml says which Pythons and packages a project needs, better kept than its documentation does.
_SUFFIXES = DOCUMENT_SUFFIXES | PYTHON_SUFFIXES | {".toml"}


def tree_source(spec: SourceSpec) -> Source:
    """Everything below `spec.location` that can be parsed. Raises InvalidSource unless it is a folder."""
    path = Path(spec.location)
    if not path.is_dir():
        raise InvalidSource(f"{spec.location} is not a folder on the machine that the bot runs on")
    return FilesSource(spec, path, _SUFFIXES)
