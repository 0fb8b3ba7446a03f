"""A service in a process of its own that is killed and started again on the same address.

Run as a program it is the parent of the services: it has imported everything, each start is a fork, and the listening
socket is its own, so that connections wait while no service runs. Commands on standard input: `start`, `reap`.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Killable:
    """`settings`: environment of the service, ASKMESH_VECTORDB_…"""

    def __init__(self, settings: dict[str, str]) -> None:
        environment = {**os.environ, **settings, "OPENBLAS_NUM_THREADS": "1", "ASKMESH_VECTORDB_LOG_LEVEL": "error"}
        self._parent = subprocess.Popen(
            [sys.executable, __file__],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = f"http://127.0.0.1:{self._said()}"
        self._child = 0

    def start(self) -> None:
        self._tell("start")
        self._child = self._said()

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        os.kill(self._child, how)
        self._tell("reap")
        self._said()

    def close(self) -> None:
        assert self._parent.stdin
        self._parent.stdin.close()
        self._parent.wait(60)
        assert self._parent.stdout
        self._parent.stdout.close()

    def _tell(self, word: str) -> None:
        assert self._parent.stdin
        self._parent.stdin.write(f"{word}\n")
        self._parent.stdin.flush()

    def _said(self) -> int:
        assert self._parent.stdout
        return int(json.loads(self._parent.stdout.readline()))


@contextmanager
def killable(settings: dict[str, str]) -> Iterator[Killable]:
    service = Killable(settings)
    try:
        service.start()
        try:
            yield service
        finally:
            service.kill(signal.SIGTERM)
    finally:
        service.close()


def serve(listener: socket.socket) -> None:
    from askmesh_vectordb.app import create_app

    config = uvicorn.Config(
        create_app(), log_level="error", access_log=False, timeout_graceful_shutdown=1, timeout_keep_alive=100
    )
    uvicorn.Server(config).run(sockets=[listener])


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    say(listener.getsockname()[1])
    for line in sys.stdin:
        if line.strip() == "start":
            child = os.fork()
            if not child:
                serve(listener)
                os._exit(0)
            say(child)
        else:
            say(os.waitpid(child, 0)[1])


def say(what: Any) -> None:
    os.write(1, f"{json.dumps(what)}\n".encode())


if __name__ == "__main__":
    import askmesh_vectordb.app  # noqa: F401 - before the first fork
    import uvicorn

    main()
