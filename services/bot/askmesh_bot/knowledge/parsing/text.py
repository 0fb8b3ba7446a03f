"""Plain text: one section; the chunker cuts it between paragraphs."""

from askmesh_bot.knowledge.base import Parsed
from askmesh_bot.knowledge.parsing.outline import sections_between


def parse_text(text: str) -> Parsed:
    """The whole text as one section, without a title."""
    return Parsed("", sections_between([], text.split("\n")))
