"""Real servers on loopback ports, and stores in temporary folders."""

import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from askmesh_vectordb.app import create_app
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.local.store import LocalStore

from .servers import chroma, postgres, redis

pytest.register_assert_rewrite("askmesh_vectordb.stores.contract")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[LocalStore]:
    store = LocalStore(tmp_path / "vectordb")
    yield store
    await store.close()


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """The service in a thread on a free port; yields its base URL."""
    with serving_app(create_app(settings)) as url:
        yield url


@contextmanager
def serving_app(app: Any) -> Iterator[str]:
    """The same for any ASGI app."""
    listener = socket.create_server(("127.0.0.1", 0))
    # As gunicorn does: without it each answer waits 40 ms for the client's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # A connection that a test leaves alone for a while is not closed under its next request.
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, timeout_keep_alive=100))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        deadline = time.monotonic() + 100
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(60)
        listener.close()


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    def make(**changes: object) -> Settings:
        defaults: dict[str, object] = {"data_path": tmp_path / "data", "log_level": "error"}
        return Settings(_env_file=None, **(defaults | changes))

    return make


@pytest.fixture
def url(make_settings: Callable[..., Settings]) -> Iterator[str]:
    """A running service over an empty local store."""
    with serving(make_settings()) as base:
        yield base


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.PostgresServer]:
    """One for all tests, which leave it running and without indexes."""
    with postgres.running() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(request: pytest.FixtureRequest) -> str:
    """ASKMESH_TEST_POSTGRES_URL, or that of a server started here."""
    given = os.environ.get("ASKMESH_TEST_POSTGRES_URL")
    return given or request.getfixturevalue("postgres_server").url()


@pytest.fixture(scope="session")
def chroma_url(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[str]:
    """ASKMESH_TEST_CHROMA_URL, or that of a server started here, for all tests; they leave it without indexes."""
    if given := os.environ.get("ASKMESH_TEST_CHROMA_URL"):
        yield given
        return
    with chroma.running(tmp_path_factory.mktemp("chroma") / "data", free_port()) as server:
        yield server.url


@pytest.fixture(scope="session")
def redis_server() -> Iterator[redis.RedisServer]:
    """One for all tests, which leave it running. It does not wait for the disk, as Redis does by default."""
    with redis.running("--appendonly", "yes", "--appendfsync", "everysec") as server:
        yield server


@pytest.fixture(scope="session")
def redis_url(request: pytest.FixtureRequest) -> str:
    """ASKMESH_TEST_REDIS_URL, or that of a server started here."""
    given = os.environ.get("ASKMESH_TEST_REDIS_URL")
    return given or request.getfixturevalue("redis_server").url()


@pytest.fixture(scope="module")
def pinecone_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], Settings]]:
    """Settings of the pinecone store, by its folder. ASKMESH_TEST_PINECONE_API_KEY, of a project without indexes, or a second
    instance of this service for all tests of a file; they leave it without indexes."""
    if key := os.environ.get("ASKMESH_TEST_PINECONE_API_KEY"):
        yield lambda folder: Settings(_env_file=None, store="pinecone", pinecone_api_key=key, data_path=folder)
        return
    own = Settings(_env_file=None, data_path=tmp_path_factory.mktemp("pinecone"), log_level="error")
    with serving(own) as url:
        yield lambda folder: Settings(
            _env_file=None, store="pinecone", pinecone_host=url, pinecone_api_key="any", data_path=folder
        )
