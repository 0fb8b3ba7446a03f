"""The real server, as a process: it serves, drains an open event stream at SIGTERM, and refuses an open bind."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
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
    await asyncio.sleep(60)
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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Running:
    """The example service as a process of its own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        (folder / "service.py").write_text(SERVICE)
        self.port = free_port()
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "service.py"],
                cwd=folder,
                env=os.environ | {"PORT": str(self.port)} | environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30, trust_env=False)

    def wait_until_alive(self) -> None:
        for _ in range(300):
            try:
                if self.client.get("/livez").status_code == 200:
                    return
            except httpx2.TransportError:
                time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def close(self) -> None:
        self.client.close()
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path, SHUTDOWN_GRACE_S="3")
    try:
        running.wait_until_alive()
        yield running
    finally:
        running.close()


def test_a_stream_that_is_nearly_done_is_finished_at_sigterm(service: Running) -> None:
    with service.client.stream("GET", "/events?seconds=1.5") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "event: begin"
        service.process.terminate()
        assert "event: end" in list(lines)
    assert service.process.wait(15) == 0
    assert "lifespan closed" in service.log.read_text()


def test_a_stream_that_goes_on_does_not_keep_it_alive(service: Running) -> None:
    with service.client.stream("GET", "/events?seconds=60") as answer:
        assert next(answer.iter_lines()) == "event: begin"
        began = time.monotonic()
        service.process.terminate()
        assert service.process.wait(20) == 0
    assert time.monotonic() - began < 12


def test_an_answer_that_takes_longer_than_the_grace_time_is_a_503(service: Running) -> None:
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(service.client.get, "/slow")
        for _ in range(100):
            if "slow begun" in service.log.read_text():
                break
            time.sleep(0.05)
        service.process.terminate()
        answer = asked.result(20)
    assert (answer.status_code, answer.json()["code"]) == (503, "shutting_down")
    assert service.process.wait(15) == 0


def test_workers_end_in_order_when_their_master_is_killed(service: Running) -> None:
    """Else they would keep the port, and nothing could be started on it again."""
    os.kill(service.process.pid, signal.SIGKILL)
    service.process.wait(10)
    try:
        for _ in range(100):
            if "lifespan closed" in service.log.read_text():
                break
            time.sleep(0.1)
        assert "lifespan closed" in service.log.read_text()
        with pytest.raises(httpx2.TransportError):
            httpx2.get(service.client.base_url.join("/livez"), trust_env=False)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(service.process.pid, signal.SIGKILL)


def test_it_refuses_to_listen_beyond_loopback_without_keys(tmp_path: Path) -> None:
    running = Running(tmp_path, HOST="0.0.0.0")
    try:
        assert running.process.wait(30) == 1
        assert "refusing to listen on 0.0.0.0 without keys" in running.log.read_text()
    finally:
        running.close()


def test_a_configuration_error_ends_the_service_with_its_message(tmp_path: Path) -> None:
    """Not with a traceback, and not by starting workers for ever."""
    running = Running(tmp_path, LOG_LEVEL="debug")
    try:
        assert running.process.wait(30) != 0
        log = running.log.read_text()
        assert "set MODEL to something that exists" in log
        assert "Traceback" not in log
    finally:
        running.close()
