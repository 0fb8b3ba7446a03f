"""How far a command is: one line that is written over on a terminal, else a line every few seconds."""

import sys
import time
from typing import TextIO

_EVERY_S = 5.0
_BAR = 20


class Progress:
    """Rate and time left are of the stretch since `begin`."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr
        self._terminal = self._out.isatty()
        self._said = time.monotonic()
        self.begin(0)

    def begin(self, done: int) -> None:
        """Records that are done already do not count for the rate."""
        self._began, self._first = time.monotonic(), done

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._said < (0.1 if self._terminal else _EVERY_S) and (done < total or not self._terminal):
            return
        self._said = now
        rate = (done - self._first) / max(now - self._began, 1e-3)
        share = min(done / total, 1.0) if total else 1.0
        left = f", {_duration((total - done) / rate)} left" if rate > 0 and done < total else ""
        told = f"{done:,} of {total:,}, {rate:,.0f}/s{left}"
        if self._terminal:
            bar = "#" * round(_BAR * share)
            self._out.write(f"\r\x1b[K{what[:40]:40s} [{bar:{_BAR}s}] {share:4.0%} {told}")
        else:
            self._out.write(f"{what}: {told}\n")
        self._out.flush()

    def end(self) -> None:
        if self._terminal:
            self._out.write("\r\x1b[K")
            self._out.flush()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def print_line(text: str) -> None:
    """A result, on standard output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
