"""Real servers on free loopback ports, one engine each, and the official SDK as their client."""

import asyncio
import contextlib
import pathlib
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx2
import openai
import pytest
import uvicorn
from askmesh_llm.app import create_app
from askmesh_llm.settings import Settings
from fastapi import FastAPI

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import tiny_phi3


def settings(**values: Any) -> Settings:
    """Settings that no `.env` of the working directory can change."""
    return Settings(_env_file=None, log_level="warning", **values)


@contextmanager
def running(app: FastAPI, grace_s: int = 2) -> Iterator[str]:
    """Serve `app` for the length of the block; yields its address once it is ready."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        # A connection that a test leaves alone for a while is not closed under its next request.
        config = uvicorn.Config(
            app, log_config=None, lifespan="on", timeout_graceful_shutdown=grace_s, timeout_keep_alive=100
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            _until_ready(url, thread)
            yield url
        finally:
            server.should_exit = True
            thread.join()


def _until_ready(url: str, thread: threading.Thread) -> None:
    deadline = time.monotonic() + 100
    with httpx2.Client(timeout=60, trust_env=False) as client:
        while thread.is_alive():
            with contextlib.suppress(httpx2.ConnectError):
                answer = client.get(f"{url}/readyz")
                if answer.status_code == 200:
                    return
                assert time.monotonic() < deadline, f"not ready: {answer.text}"
            time.sleep(0.05)
    raise AssertionError("the server did not start")


def sdk(url: str, **options: Any) -> openai.OpenAI:
    """The official client, without its retries."""
    return openai.OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0, timeout=60, **options)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A tiny Phi-3 on disk."""
    return tiny_phi3.save(tmp_path_factory.mktemp("tiny-phi3"))


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[..., str]]:
    """`serve(**settings)` gives the address of a service that runs until the session ends."""
    with ExitStack() as stack:
        yield lambda **values: stack.enter_context(running(create_app(settings(**values))))


@pytest.fixture(scope="session")
def extractive(serve: Callable[..., str]) -> str:
    """A service with the default engine."""
    return serve()


@pytest.fixture(scope="session")
def transformers(serve: Callable[..., str], checkpoint: pathlib.Path) -> str:
    """A service with the tiny Phi-3."""
    return serve(engine="transformers", model=str(checkpoint), dtype="fp32", cache_tokens=2048, batch_tokens=256)


@pytest.fixture(scope="session")
def upstream(serve: Callable[..., str], extractive: str) -> str:
    """A service whose upstream is another instance of ours."""
    return serve(engine="openai", upstream_url=f"{extractive}/v1")


ENGINES = ["extractive", "upstream", pytest.param("transformers", marks=pytest.mark.models)]


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest) -> str:
    """Every engine in turn."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


@pytest.fixture
async def raw_server() -> AsyncIterator[Callable[[Handler], Any]]:
    """`await raw_server(handler)` gives the address of a server that does what `handler` writes."""
    servers: list[asyncio.Server] = []
    tasks: set[asyncio.Task[None]] = set()

    async def start(handler: Handler) -> str:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tasks.add(asyncio.current_task())  # type: ignore[arg-type]
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await handler(reader, writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
