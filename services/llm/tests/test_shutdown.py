"""SIGTERM to the service as it really runs: gunicorn, a worker process, streams in the middle."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import httpx2
import pytest

PACED = '''
import asyncio
import pathlib
from askmesh_llm.engines.base import Chunk, Engine, EngineInfo, TokenCount, Usage

GO_ON = pathlib.Path(__file__).with_name("go-on")

class Paced(Engine):
    """Writes a word every 50 ms; to "short" the first one, and the others when it is told to."""

    info = EngineInfo("paced", 100_000)

    async def generate(self, prompt, params):
        for number in range(params.max_tokens or 5):
            await asyncio.sleep(0.05)
            while number and prompt[-1].content == "short" and not GO_ON.exists():
                await asyncio.sleep(0.01)
            yield Chunk(f"{number} ")
        yield Chunk("", "stop", Usage(1, params.max_tokens or 5))

    async def count_tokens(self, prompt, model=""):
        return TokenCount(1)

def create(settings):
    return Paced()
'''


@pytest.fixture
def service(tmp_path: pathlib.Path, free_port: Callable[[], int]) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The real command, with a grace time of three seconds."""
    (tmp_path / "paced.py").write_text(PACED)
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASKMESH_")}
    environment = kept | {
        "PYTHONPATH": str(tmp_path),
        "ASKMESH_LLM_ENGINE": "paced:create",
        "ASKMESH_LLM_PORT": str(port),
        "ASKMESH_LLM_SHUTDOWN_GRACE_S": "3",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "askmesh_llm", "serve"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
    ) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            while not is_ready(url):
                assert process.poll() is None
                time.sleep(0.05)
            yield process, url
        finally:
            process.kill()


def is_ready(url: str) -> bool:
    with contextlib.suppress(httpx2.TransportError):
        return httpx2.get(f"{url}/readyz", timeout=60, trust_env=False).status_code == 200
    return False


def test_streams_within_the_grace_time_finish_and_the_rest_end_with_an_error_event(
    service: tuple[subprocess.Popen[bytes], str], tmp_path: pathlib.Path
) -> None:
    process, url = service
    texts: dict[str, str] = {}
    begun = threading.Semaphore(0)

    def read(name: str, tokens: int) -> None:
        ask = {"messages": [{"role": "user", "content": name}], "stream": True, "max_tokens": tokens}
        texts[name] = ""
        with httpx2.stream("POST", f"{url}/v1/chat/completions", json=ask, trust_env=False, timeout=60) as answer:
            begun.release()
            for piece in answer.iter_text():
                texts[name] += piece

    threads = [threading.Thread(target=read, args=item) for item in (("short", 5), ("endless", 9000))]
    for thread in threads:
        thread.start()
    assert begun.acquire(timeout=60)
    assert begun.acquire(timeout=60)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    (tmp_path / "go-on").touch()
    for thread in threads:
        thread.join()
    process.wait(60)
    assert texts["short"].endswith("data: [DONE]\n\n")
    assert texts["short"].count('"content"') >= 5
    assert '"code":"shutting_down"' in texts["endless"]
    assert "[DONE]" not in texts["endless"]
    assert time.monotonic() - began > 2.5
    assert process.returncode == 0
    with pytest.raises(httpx2.TransportError):
        httpx2.get(f"{url}/livez", trust_env=False)
