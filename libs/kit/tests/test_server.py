"""The real server, as a process: it serves, drains an open event stream at SIGTERM, and refuses an open bind."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

SERVICE = """
import asyncio
import sys
from contextlib import asynccontextmanager

from askmesh_kit.app import build_app
from askmesh_kit.server import serve
from askmesh_kit.settings import ServiceSettings
from fastapi import APIRouter
from fastapi.responses import StreamingResponse

router = APIRouter()


@router.get("/events")
async def events(seconds: float) -> StreamingResponse:
    async def write():
        yield "event: begin\\ndata: {}\\n\\n"
        await asyncio.sleep(seconds)
        yield "event: end\\ndata: {}\\n\\n"

    return StreamingResponse(write(), media_type="text/event-stream")


@router.get("/slow")
async def slow() -> str:
    print("slow begun", file=sys.stderr, flush=True)
    await asyncio.sleep(1000)
    return "slept"


@asynccontextmanager
async def lifespan(app):
    yield {}
    print("lifespan closed", file=sys.stderr, flush=True)


def create_app():
    if settings.log_level == "debug":
        raise SystemExit("set MODEL to something that exists")
    return build_app(name="x", version="1", description="", settings=settings, routers=[router], lifespan=lifespan)


if __name__ == "__main__":
    settings = ServiceSettings()
    serve(create_app, settings, "x")
"""


def until(done: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not (result := done()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return result


class Running:
    """The example service as a process of its own."""

    def __init__(self, folder: Path, port: int, **environment: str) -> None:
        (folder / "service.py").write_text(SERVICE)
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "service.py"],
                cwd=folder,
                env=os.environ | {"PORT": str(port)} | environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=100, trust_env=False)

    def is_alive(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(httpx2.TransportError):
            return self.client.get("/livez").status_code == 200
        return False

    def has_logged(self, words: str) -> bool:
        return words in self.log.read_text()

    def close(self) -> None:
        self.client.close()
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def start(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Callable[..., Running]]:
    """Starts one service for the test; the settings are in the environment."""
    with contextlib.ExitStack() as stack:
        yield lambda **settings: stack.enter_context(contextlib.closing(Running(tmp_path, free_port(), **settings)))


@pytest.fixture
def service(start: Callable[..., Running]) -> Running:
    running = start(SHUTDOWN_GRACE_S="3")
    assert until(running.is_alive, 100), running.log.read_text()
    return running


def test_a_stream_that_is_nearly_done_is_finished_at_sigterm(start: Callable[..., Running]) -> None:
    service = start(SHUTDOWN_GRACE_S="60")
    assert until(service.is_alive, 100), service.log.read_text()
    with service.client.stream("GET", "/events?seconds=1.5") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "event: begin"
        service.process.terminate()
        assert "event: end" in list(lines)
    assert service.process.wait(60) == 0
    assert "lifespan closed" in service.log.read_text()


def test_a_stream_that_goes_on_does_not_keep_it_alive(service: Running) -> None:
    with service.client.stream("GET", "/events?seconds=1000") as answer:
        assert next(answer.iter_lines()) == "event: begin"
        service.process.terminate()
        assert service.process.wait(60) == 0


def test_an_answer_that_takes_longer_than_the_grace_time_is_a_503(service: Running) -> None:
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(service.client.get, "/slow")
        assert until(lambda: service.has_logged("slow begun"))
        service.process.terminate()
        answer = asked.result(60)
    assert (answer.status_code, answer.json()["code"]) == (503, "shutting_down")
    assert service.process.wait(60) == 0


def test_workers_end_in_order_when_their_master_is_killed(service: Running) -> None:
    """Else they would keep the port, and nothing could be started on it again."""
    os.kill(service.process.pid, signal.SIGKILL)
    service.process.wait(60)
    try:
        assert until(lambda: service.has_logged("lifespan closed"))
        with pytest.raises(httpx2.TransportError):
            httpx2.get(service.client.base_url.join("/livez"), trust_env=False)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(service.process.pid, signal.SIGKILL)


def test_it_refuses_to_listen_beyond_loopback_without_keys(start: Callable[..., Running]) -> None:
    running = start(HOST="0.0.0.0")
    assert running.process.wait(100) == 1
    assert "refusing to listen on 0.0.0.0 without keys" in running.log.read_text()


def test_a_configuration_error_ends_the_service_with_its_message(start: Callable[..., Running]) -> None:
    """Not with a traceback, and not by starting workers for ever."""
    running = start(LOG_LEVEL="debug")
    assert running.process.wait(100) != 0
    log = running.log.read_text()
    assert "set MODEL to something that exists" in log
    assert "Traceback" not in log
