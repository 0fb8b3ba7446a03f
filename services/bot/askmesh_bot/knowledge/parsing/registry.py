"""Which parser reads which file: by suffix, loaded when first needed."""

from collections.abc import Callable
from functools import cache
from importlib import import_module

from askmesh_bot.knowledge.base import Kind, Parsed

_PACKAGE = "askmesh_bot.knowledge.parsing"

# suffix -> (kind, parser). Python files need to know their module's name: see `python.py`.
PARSERS: dict[str, tuple[Kind, str]] = {
    ".md": ("markdown", f"{_PACKAGE}.markdown:parse_markdown"),
    ".markdown": ("markdown", f"{_PACKAGE}.markdown:parse_markdown"),
    ".rst": ("rst", f"{_PACKAGE}.rst:parse_rst"),
    ".txt": ("text", f"{_PACKAGE}.text:parse_text"),
    ".toml": ("text", f"{_PACKAGE}.toml:parse_toml"),
}


@cache
def parser_for(suffix: str) -> tuple[Kind, Callable[[str], Parsed]]:
    """The kind and parser of files with this suffix. Raises KeyError for one that is not read."""
    kind, location = PARSERS[suffix]
    module, _, name = location.partition(":")
    return kind, getattr(import_module(module), name)
