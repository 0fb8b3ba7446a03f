"""TOML files such as pyproject.toml: a section per table. The text stays as written; its values are not interpreted."""

import re

from askmesh_bot.knowledge.base import Parsed
from askmesh_bot.knowledge.parsing.outline import Heading, sections_between

_TABLE = re.compile(r"\[{1,2}\s*([^\[\]]+?)\s*\]{1,2}\s*(?:#.*)?")


def parse_toml(text: str) -> Parsed:
    """Sections of a TOML file, headed by their tables' names."""
    lines = text.split("\n")
    headings = [
        Heading(1, found[1], "", number, number + 1)
        for number, line in enumerate(lines)
        if (found := _TABLE.fullmatch(line))
    ]
    return Parsed("", sections_between(headings, lines))
