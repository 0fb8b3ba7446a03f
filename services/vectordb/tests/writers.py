"""Writing processes that can be killed, and what each of them had acknowledged."""

import os
import signal
import subprocess
import sys
from pathlib import Path


class Writers:
    """Writing processes on one folder, and the last step that each had acknowledged."""

    def __init__(self, folder: Path) -> None:
        worker = Path(__file__).with_name("worker.py")
        self._process = subprocess.Popen(
            [sys.executable, str(worker)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._folder = folder
        self._pids: dict[str, int] = {}
        self.acknowledged: dict[str, int] = {}

    def start(self, prefix: str) -> None:
        """Returns when the writer is about to write."""
        self._tell(f"start\t{self._folder}\t{prefix}")
        while prefix not in self._pids:
            self.listen()

    def listen(self) -> tuple[str, int] | None:
        """The next step that was acknowledged; None for anything else that is said."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline().split()
        assert line
        if len(line) != 3:
            return None
        prefix, pid, step = line
        if step == "ready":
            self._pids[prefix], self.acknowledged[prefix] = int(pid), -1
            return None
        self.acknowledged[prefix] = int(step)
        return prefix, int(step)

    def kill(self) -> None:
        """kill -9 to all, then hear what they still had to say."""
        for pid in self._pids.values():
            os.kill(pid, signal.SIGKILL)
        self._pids.clear()
        self._tell("reap")
        assert self._process.stdout is not None
        for line in iter(self._process.stdout.readline, "reaped\n"):
            prefix, _, step = line.split()
            self.acknowledged[prefix] = int(step)

    def close(self) -> None:
        self.kill()
        self._process.communicate(timeout=60)

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
