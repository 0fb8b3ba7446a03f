"""The servers that are compared, each started as its users start it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

CACHE = Path.home() / ".cache" / "askmesh" / "bench"
HERE = Path(__file__).parent
INFINITY = "0.0.78"
# infinity-emb 0.0.78 does not run on transformers 5.
_INFINITY_NEEDS = [f"infinity-emb[server]=={INFINITY}", "transformers==4.57.3", "sentence-transformers<5.2", "einops"]
_START_S = 180


class Unavailable(Exception):
    """A peer cannot be measured here, and why."""


@dataclass(frozen=True)
class Peer:
    """A server: how it is started on a port, and where it takes embeddings."""

    name: str
    command: list[str]
    ready: str
    path: str = "/v1/embeddings"
    environment: Mapping[str, str] = field(default_factory=dict)


def ours(name: str, **settings: str) -> Peer:
    """The service as `askmesh-embeddings serve` runs it, without its cache of query vectors."""
    values = {"CACHE_ENTRIES": "0", "LOG_LEVEL": "warning", "ALIASES": "minilm", "PORT": "{port}"} | settings
    environment = {f"ASKMESH_EMBEDDINGS_{key.upper()}": value for key, value in values.items()}
    return Peer(name, [sys.executable, "-m", "askmesh_embeddings", "serve"], "/readyz", environment=environment)


def gunicorn_workers(model: Path, count: int = 5) -> Peer:
    """One model per worker, the usual way. A thread each: with torch's default of all cores they are slower still."""
    command = [sys.executable, "-m", "gunicorn", "bench.embeddings.one_model_per_worker:create_app()"]
    command += [
        "-w",
        str(count),
        "-k",
        "uvicorn_worker.UvicornWorker",
        "-b",
        "127.0.0.1:{port}",
        "--log-level",
        "error",
    ]
    # gunicorn answers as soon as one worker is up: `workers` waits for all.
    environment = {"BENCH_MODEL": str(model), "OMP_NUM_THREADS": "1", "BENCH_WORKERS": str(count)}
    return Peer(f"{count} gunicorn workers", command, "/ready", environment=environment)


def infinity(model: Path) -> Peer:
    """infinity-emb in an environment of its own, made here once. Raises Unavailable."""
    venv = CACHE / f"infinity-{INFINITY}"
    program = venv / "bin" / "infinity_emb"
    if not program.exists():
        _install(venv)
    command = [str(program), "v2", "--model-id", str(model), "--served-model-name", "minilm", "--port", "{port}"]
    command += ["--device", "cpu", "--engine", "torch", "--no-bettertransformer", "--log-level", "error"]
    environment = {"HF_HUB_OFFLINE": "1", "INFINITY_ANONYMOUS_USAGE_STATS": "0", "DO_NOT_TRACK": "1"}
    return Peer("infinity-emb", command, "/health", path="/embeddings", environment=environment)


@contextmanager
def running(peer: Peer) -> Iterator[tuple[int, int]]:
    """Yields (port, process id) once it answers. Raises Unavailable where it does not start."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [part.format(port=port) if "{port}" in part else part for part in peer.command]
    environment = os.environ | {key: value.replace("{port}", str(port)) for key, value in peer.environment.items()}
    with tempfile.TemporaryDirectory() as marks, tempfile.TemporaryFile() as log:
        environment["BENCH_MARKS"] = marks
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, cwd=HERE.parent.parent, start_new_session=True
        )
        try:
            _wait(process, f"http://127.0.0.1:{port}{peer.ready}", log)
            yield port, process.pid
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait(process: "subprocess.Popen[bytes]", url: str, log: object) -> None:
    deadline = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    log.seek(0)  # type: ignore[attr-defined]
    raise Unavailable(f"did not start: {log.read()[-600:].decode(errors='replace')}")  # type: ignore[attr-defined]


def _install(venv: Path) -> None:
    venv.parent.mkdir(parents=True, exist_ok=True)
    steps = [
        [sys.executable, "-m", "venv", str(venv)],
        [
            str(venv / "bin" / "pip"),
            "install",
            "-q",
            "torch==2.13.0+cpu",
            "--extra-index-url",
            "https://download.pytorch.org/whl/cpu",
        ],
        [str(venv / "bin" / "pip"), "install", "-q", *_INFINITY_NEEDS],
    ]
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(f"cannot be installed: {done.stderr.strip()[-300:]}")
