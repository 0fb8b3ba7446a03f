"""A mesh of its own for measuring: the four services on free ports, started by the script behind `make up`."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_UP = Path(__file__).resolve().parent.parent / "scripts" / "up.py"
_SERVICES = ("bot", "embeddings", "vectordb", "llm")


@dataclass(frozen=True)
class MeshUrls:
    """Where the services are."""

    bot: str
    embeddings: str
    vectordb: str
    llm: str
    # Where one is configured, else empty.
    reranker: str = ""


@contextmanager
def running_mesh(state: Path) -> Iterator[MeshUrls]:
    """The mesh with its state in `state`, which is kept: what was learned there is not learned again.

    `ASKMESH_…` variables reach the services, so any configured encoder, store or model is what gets measured.
    """
    state.mkdir(parents=True, exist_ok=True)
    ports = _free_ports()
    own = {f"ASKMESH_{name.upper()}_PORT": str(port) for name, port in ports.items()}
    # A busy machine makes the times worse, and must not change the answers.
    patient = {"ASKMESH_LLM_EMBEDDINGS_TIMEOUT_S": "20"}
    environment = patient | os.environ | own
    if environment.get("ASKMESH_EMBEDDINGS_RERANKER"):
        environment.setdefault("ASKMESH_RERANKER_URL", f"http://127.0.0.1:{ports['embeddings']}")
    # The bot's links and its database must not be those of another mesh.
    for name in ("ASKMESH_BOT_DATABASE_URL", "ASKMESH_BOT_URL", "ASKMESH_DISCORD_TOKEN"):
        environment.pop(name, None)
    try:
        _script(state, environment, "up", "--no-learn")
        given = {name: environment.get(f"ASKMESH_{name.upper()}_URL", "") for name in _SERVICES}
        urls = {name: given[name] or f"http://127.0.0.1:{ports[name]}" for name in _SERVICES}
        yield MeshUrls(**urls, reranker=environment.get("ASKMESH_RERANKER_URL", ""))
    finally:
        _script(state, environment, "down")


def _script(state: Path, environment: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, str(_UP), *arguments]
    subprocess.run(command, cwd=state, env=environment, check=True, timeout=900)  # noqa: S603 - our own script


def _free_ports() -> dict[str, int]:
    probes = {name: socket.create_server(("127.0.0.1", 0)) for name in _SERVICES}
    ports = {name: probe.getsockname()[1] for name, probe in probes.items()}
    for probe in probes.values():
        probe.close()
    return ports
