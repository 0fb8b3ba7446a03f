"""Stop strings over streamed text: nothing of a stop string is ever sent, wherever the pieces are cut."""


class StopScanner:
    """Holds back as much of the tail as could still become a stop string."""

    def __init__(self, stop: tuple[str, ...]) -> None:
        self._stop = tuple(text for text in stop if text)
        self._held = ""

    def push(self, text: str) -> tuple[str, bool]:
        """What may be sent now, and whether a stop string was met. After that, push no more."""
        if not self._stop:
            return text, False
        self._held += text
        hits = [at for text in self._stop if (at := self._held.find(text)) >= 0]
        if hits:
            return self._held[: min(hits)], True
        keep = max(self._open_tail(text) for text in self._stop)
        cut = len(self._held) - keep
        ready, self._held = self._held[:cut], self._held[cut:]
        return ready, False

    def flush(self) -> str:
        """The held-back tail, once the text has ended without a stop string."""
        rest, self._held = self._held, ""
        return rest

    def _open_tail(self, stop: str) -> int:
        """Length of the longest end of the held text with which `stop` begins."""
        for size in range(min(len(stop) - 1, len(self._held)), 0, -1):
            if self._held.endswith(stop[:size]):
                return size
        return 0
