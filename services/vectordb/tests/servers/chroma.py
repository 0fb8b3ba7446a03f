"""Chroma's own server, as `chroma run` starts it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2


class ChromaServer:
    """Data in `folder`; a port that stays the same over restarts."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self._port = folder, port
        self.url = f"http://127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [str(Path(sys.executable).with_name("chroma")), "run", "--path", str(self._folder)]
        with (self._folder.parent / "chroma.log").open("ab") as log:
            self._process = subprocess.Popen([*command, "--port", str(self._port)], stdout=log, stderr=log)
        deadline = time.monotonic() + 100
        while not self._answers():
            assert self._process.poll() is None, "chroma run ended; see chroma.log"
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def stop(self) -> None:
        """At once, as a crash would."""
        if self._process:
            self._process.kill()
            self._process.wait(60)
            self._process = None

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/api/v2/heartbeat", timeout=20).is_success
        except httpx2.TransportError:
            return False


@contextmanager
def running(folder: Path, port: int) -> Iterator[ChromaServer]:
    server = ChromaServer(folder, port)
    try:
        server.start()
        yield server
    finally:
        server.stop()
