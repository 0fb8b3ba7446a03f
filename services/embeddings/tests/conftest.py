"""A real service on a loopback port, and settings that ignore the developer's environment."""

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from askmesh_embeddings.app import create_app
from askmesh_embeddings.settings import Settings

# `own_encoders` is a module of the tests, used as an operator's own encoder would be: by import string.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def make_settings(cache_dir: Path) -> Callable[..., Settings]:
    def make(**values: Any) -> Settings:
        defaults = {"cache_dir": cache_dir, "log_level": "warning", "lanes": 1}
        return Settings(_env_file=None, **(defaults | values))

    return make


@contextmanager
def running(settings: Settings, *, wait: bool = True) -> Iterator[str]:
    """The service under uvicorn in a thread; yields its base URL once it is ready."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    # A connection that a test leaves alone for a while is not closed under its next request.
    config = uvicorn.Config(create_app(settings), log_config=None, timeout_graceful_shutdown=10, timeout_keep_alive=100)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([sock])), daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    try:
        _until(lambda: server.started)
        if wait:
            _until(lambda: httpx2.get(f"{url}/readyz", timeout=60).status_code == 200)
        yield url
    finally:
        server.should_exit = True
        thread.join(60)
        sock.close()


@pytest.fixture(scope="session")
def minilm_url(make_settings: Callable[..., Settings]) -> Iterator[str]:
    """The default service, shared by the tests that change nothing in it."""
    with running(make_settings(aliases="text-embedding-3-small", max_inputs=2_048, request_deadline_s=600)) as url:
        yield url


@pytest.fixture
def start(make_settings: Callable[..., Settings]) -> Iterator[Callable[..., str]]:
    """Starts a service with settings of the test's own."""
    with ExitStack() as stack:
        yield lambda wait=True, **values: stack.enter_context(running(make_settings(**values), wait=wait))


@pytest.fixture
def serve(make_settings: Callable[..., Settings]) -> Callable[..., Any]:
    """Like `start`, as a context manager: leaving it is the SIGTERM."""
    return lambda wait=True, **values: running(make_settings(**values), wait=wait)


def _until(done: Callable[[], bool], seconds: float = 100) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "not ready in time"
        time.sleep(0.02)
