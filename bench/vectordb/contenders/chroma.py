"""Chroma's server (`chroma run`), asked by its own client."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import chromadb

from bench.vectordb.contenders.base import EF_CONSTRUCTION, EF_SEARCH, Contender, M

_START_S = 60


class Chroma(Contender):
    def open(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        program = str(Path(sys.executable).parent / "chroma")
        command = [program, "run", "--path", str(self.folder / "data"), "--host", "127.0.0.1", "--port", str(port)]
        environment = os.environ | {"ANONYMIZED_TELEMETRY": "False"}
        self._log = (self.folder / "serve.log").open("wb")
        self._server = subprocess.Popen(command, env=environment, stdout=self._log, stderr=self._log)
        deadline = time.monotonic() + _START_S
        while True:
            try:
                client = chromadb.HttpClient(
                    host="127.0.0.1", port=port, settings=chromadb.Settings(anonymized_telemetry=False)
                )
                break
            except Exception:
                if time.monotonic() > deadline or self._server.poll() is not None:
                    raise
                time.sleep(0.05)
        hnsw: Any = {"space": "cosine", "max_neighbors": M, "ef_construction": EF_CONSTRUCTION, "ef_search": EF_SEARCH}
        self._collection = client.get_or_create_collection(
            "bench", configuration={"hnsw": hnsw}, embedding_function=None
        )

    def write(self, first: int, vectors: Any) -> None:
        numbers = range(first, first + len(vectors))
        self._collection.upsert(
            ids=[f"r{n}" for n in numbers], embeddings=vectors, metadatas=[{"n": n} for n in numbers]
        )

    def query(self, vector: Any, top_k: int, below: int | None) -> list[int]:
        where: Any = None if below is None else {"n": {"$lt": below}}
        found = self._collection.query(
            query_embeddings=[vector], n_results=top_k, where=where, include=["metadatas", "distances"]
        )
        return [int(name[1:]) for name in found["ids"][0]]

    def close(self) -> None:
        self._server.terminate()
        self._server.wait(30)
        self._log.close()

    def process(self) -> int:
        return self._server.pid
