"""Text from tokens as they come."""

from collections.abc import Sequence
from typing import Any

_UNFINISHED = "�"


class Detokenizer:
    """Turns ids into text piece by piece, and never emits a part of a character.

    Tokens are decoded together with a few before them, since a token's text may depend on its neighbours.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._window = self._read = 0

    def push(self, ids: Sequence[int]) -> str:
        """The text that became certain with these ids."""
        self._ids += ids
        before, after = self._texts()
        if after.endswith(_UNFINISHED):
            return ""
        self._window, self._read = self._read, len(self._ids)
        return after[len(before) :]

    def peek(self, item: int) -> str:
        """The text that this id would add if it came next."""
        before = self._decode(self._ids[self._window : self._read])
        return self._decode([*self._ids[self._window :], item])[len(before) :]

    def flush(self) -> str:
        """What is left at the end; bytes that make no whole character are dropped."""
        before, after = self._texts()
        self._window = self._read = len(self._ids)
        return after[len(before) :].rstrip(_UNFINISHED)

    def _texts(self) -> tuple[str, str]:
        return self._decode(self._ids[self._window : self._read]), self._decode(self._ids[self._window :])

    def _decode(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))
