"""The kinds of source: name -> factory, loaded when first used. A user's own is an import string, `package.module:factory`."""

from collections.abc import Callable
from importlib import import_module

from askmesh_bot.knowledge.base import Source
from askmesh_bot.knowledge.sources.spec import InvalidSource, SourceSpec

_PACKAGE = "askmesh_bot.knowledge.sources"

SOURCES: dict[str, str] = {
    "discord": f"{_PACKAGE}.discord:discord_source",
    "folder": f"{_PACKAGE}.folder:folder_source",
    "python": f"{_PACKAGE}.python:python_source",
    "threads": f"{_PACKAGE}.threads:threads_source",
    "tree": f"{_PACKAGE}.tree:tree_source",
}


def make_source(spec: SourceSpec) -> Source:
    """The source a spec describes. Raises InvalidSource."""
    if spec.kind not in SOURCES:
        raise InvalidSource(f"there is no kind of source called {spec.kind!r}; there are {', '.join(sorted(SOURCES))}")
    module, _, name = SOURCES[spec.kind].partition(":")
    factory: Callable[[SourceSpec], Source] = getattr(import_module(module), name)
    return factory(spec)
