"""The embeddings service over HTTP, one of our own on a free port or one that runs already, and a vector database."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx2
import numpy as np

_PER_REQUEST = 32
_START_S = 120


@contextmanager
def service(url: str | None) -> Iterator[httpx2.Client]:
    """A client of `url`, or of a service started for the block, which `ASKMESH_EMBEDDINGS_…` variables reach."""
    if url:
        with httpx2.Client(base_url=url, timeout=300) as client:
            yield client
        return
    with _own("embeddings", {}) as client:
        yield client


@contextmanager
def vectordb(data_path: str) -> Iterator[httpx2.Client]:
    """A client of a vector database started for the block, which `ASKMESH_VECTORDB_…` variables reach."""
    with _own("vectordb", {"ASKMESH_VECTORDB_DATA_PATH": data_path}) as client:
        yield client


@contextmanager
def _own(name: str, variables: dict[str, str]) -> Iterator[httpx2.Client]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    own = {f"ASKMESH_{name.upper()}_PORT": str(port), f"ASKMESH_{name.upper()}_LOG_LEVEL": "warning"}
    environment = os.environ | own | variables
    command = [sys.executable, "-m", f"askmesh_{name}", "serve"]
    process = subprocess.Popen(command, env=environment)  # noqa: S603 - our own service
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=300, trust_env=False) as client:
            _wait(process, client)
            yield client
    finally:
        process.terminate()
        process.wait(30)


def model(client: httpx2.Client) -> dict[str, Any]:
    """The model that is served."""
    entry: dict[str, Any] = client.get("/v1/models").raise_for_status().json()["data"][0]
    return entry


def embed(client: httpx2.Client, texts: Sequence[str], input_type: str) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """Unit vectors, float32 [n, dim]. Long texts are cut at the model's limit, as BEIR's own evaluation does."""
    rows: list[list[float]] = []
    for start in range(0, len(texts), _PER_REQUEST):
        body = {"input": texts[start : start + _PER_REQUEST], "input_type": input_type, "truncate": True}
        answer = client.post("/v1/embeddings", json=body).raise_for_status().json()
        rows += [item["embedding"] for item in answer["data"]]
    return np.array(rows, dtype=np.float32)


def _wait(process: "subprocess.Popen[bytes]", client: httpx2.Client) -> None:
    deadline = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.2)
    raise SystemExit("A service did not become ready: its log says why.")
