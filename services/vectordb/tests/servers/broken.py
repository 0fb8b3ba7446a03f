"""Servers that no client should have to meet."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silent() -> Iterator[str]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def cutting() -> Iterator[str]:
    """Reads the beginning of each request, and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65_536)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(60)


NOBODY = "http://127.0.0.1:9"
"""Where nobody listens, nor will by chance."""


@contextmanager
def old_redis() -> Iterator[str]:
    """Speaks Redis's protocol and knows no command."""
    with _answering(b"-ERR unknown command\r\n") as port:
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def _answering(line: bytes) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                while data := connection.recv(65_536):
                    # A command is an array: a line that begins with an asterisk.
                    connection.sendall(line * (b"\r\n" + data).count(b"\r\n*"))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(60)
