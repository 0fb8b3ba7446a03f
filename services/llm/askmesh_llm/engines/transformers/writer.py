"""One answer's text from its tokens: whole characters, no stop strings, and log-probabilities where they are asked."""

from collections.abc import Sequence
from typing import Any

from askmesh_llm.engines.base import Chunk, TokenLogprob
from askmesh_llm.engines.stopping import StopScanner
from askmesh_llm.engines.transformers.detokenizer import Detokenizer
from askmesh_llm.engines.transformers.sampling import Sampling


class Writer:
    """Takes tokens as they come; `stopped` once a stop string was met, after which no more are wanted."""

    def __init__(self, tokenizer: Any, stop: tuple[str, ...], sampling: Sampling) -> None:
        self._text, self._stop, self._sampling = Detokenizer(tokenizer), StopScanner(stop), sampling
        self._taken = self._made = self._sent = 0
        # Log-probabilities of text that is still held back, with the character their token begins at.
        self._pending: list[tuple[int, TokenLogprob]] = []
        self.stopped = False

    def push(self, ids: Sequence[int]) -> Chunk:
        """What can be sent now."""
        ready, self.stopped = self._stop.push("".join(map(self._read, ids)))
        self._sent += len(ready)
        return Chunk(ready, logprobs=self._due(self._sent - 1))

    def end(self) -> Chunk:
        """What is left once the last token has come."""
        if self.stopped:
            return Chunk()
        ready, self.stopped = self._stop.push(self._text.flush())
        rest = ready if self.stopped else ready + self._stop.flush()
        self._sent += len(rest)
        return Chunk(rest, logprobs=self._due(self._sent - 1 if self.stopped else self._made + len(rest)))

    def _read(self, item: int) -> str:
        if self._sampling.logprobs is None:
            return self._text.push([item])
        note = self._sampling.notes[self._taken]
        top = tuple((self._text.peek(likely), value) for likely, value in note.top)
        piece = self._text.push([item])
        self._pending.append((self._made, TokenLogprob(piece, note.logprob, top)))
        self._taken += 1
        self._made += len(piece)
        return piece

    def _due(self, last: int) -> tuple[TokenLogprob, ...]:
        """The log-probabilities of tokens that begin at or before this character."""
        count = sum(begins <= last for begins, _ in self._pending)
        due, self._pending = self._pending[:count], self._pending[count:]
        return tuple(entry for _, entry in due)
