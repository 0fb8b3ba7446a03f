"""Our service over the embedded store, as `askmesh-vectordb serve` runs it, asked over keep-alive connections."""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from typing import Any

from bench.vectordb.contenders.base import Contender

_START_S = 60


class LocalHttp(Contender):
    def open(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]
        settings = {"DATA_PATH": str(self.folder), "PORT": str(self._port), "LOG_LEVEL": "warning"}
        environment = os.environ | {f"ASKMESH_VECTORDB_{key}": value for key, value in settings.items()}
        self._log = (self.folder / "serve.log").open("wb")
        command = [sys.executable, "-m", "askmesh_vectordb", "serve"]
        self._server = subprocess.Popen(command, env=environment, stdout=self._log, stderr=self._log)
        self._own = threading.local()
        deadline = time.monotonic() + _START_S
        while True:
            try:
                return self._call("GET", "/readyz")
            except OSError:
                if time.monotonic() > deadline or self._server.poll() is not None:
                    raise
                time.sleep(0.02)

    def write(self, first: int, vectors: Any) -> None:
        records = [
            {"id": f"r{first + n}", "values": vector.tolist(), "metadata": {"n": first + n}}
            for n, vector in enumerate(vectors)
        ]
        self._call("POST", "/indexes/bench/vectors/upsert", {"vectors": records})

    def query(self, vector: Any, top_k: int, below: int | None) -> list[int]:
        body = {"topK": top_k, "vector": vector.tolist(), "includeMetadata": True}
        if below is not None:
            body["filter"] = {"n": {"$lt": below}}
        found = self._call("POST", "/indexes/bench/query", body)
        return [int(match["id"][1:]) for match in found["matches"]]

    def floor(self) -> None:
        """The least a request costs."""
        self._call("GET", "/livez")

    def close(self) -> None:
        self._server.terminate()
        self._server.wait(30)
        self._log.close()

    def process(self) -> int:
        return self._server.pid

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        if not hasattr(self._own, "connection"):
            self._own.connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
            self._own.connection.connect()
            self._own.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            content = None if body is None else json.dumps(body).encode()
            self._own.connection.request(method, path, content, {"Content-Type": "application/json"})
            answer = self._own.connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            del self._own.connection
            raise
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}: {text[:300]!r}")
        return json.loads(text)
