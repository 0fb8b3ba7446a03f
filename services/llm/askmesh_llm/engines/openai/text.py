"""JSON and its strings as upstreams send them: nested without end, or holding halves of characters."""

import json
from typing import Any


def parse(data: bytes | str) -> Any:
    """The value. Raises ValueError for what is not JSON or is nested too deeply to be read."""
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def whole_characters(text: str) -> str:
    """The text with pairs of UTF-16 surrogates joined; a lone one, which no UTF-8 can hold, becomes U+FFFD."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class Joiner:
    """Text in pieces, where some servers send a character's first half in one piece and its second in the next."""

    def __init__(self) -> None:
        self._held = ""

    def push(self, text: str) -> str:
        """What is whole by now."""
        text = self._held + text
        half = "\ud800" <= text[-1:] <= "\udbff"
        self._held = text[-1:] if half else ""
        return whole_characters(text[:-1] if half else text)

    def flush(self) -> str:
        """What is left at the end: nothing, or U+FFFD for half a character."""
        return whole_characters(self._held)
