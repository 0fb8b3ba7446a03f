"""The whole mesh as processes on free ports with a state folder of its own, started by the same script as `make up`."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

ROOT = Path(__file__).resolve().parent.parent
SERVICES = ("bot", "embeddings", "vectordb", "llm")
PATHLIB_QUESTION = "How do I read a whole text file into a string with pathlib?"
UNANSWERABLE_QUESTION = "What is the boiling point of tungsten?"

# What answers late on a busy machine is not given up: answers would be other ones.
PATIENCE_S = 60
PATIENT = {
    f"ASKMESH_{name}_TIMEOUT_S": str(PATIENCE_S)
    for name in (
        "ANSWERING_SEARCH",
        "EMBEDDINGS",
        "EMBEDDINGS_CONNECT",
        "LLM_CONNECT",
        "LLM_EMBEDDINGS",
        "VECTORDB",
        "VECTORDB_CONNECT",
    )
} | {"ASKMESH_ANSWERING_WAITING_S": str(PATIENCE_S)}


def until(done: Callable[[], Any], seconds: float = 120, what: str = "it") -> Any:
    """The first true result of `done`, which will come soon."""
    deadline = time.monotonic() + seconds
    while not (result := done()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.1)
    return result


def clean_environment(**changes: str) -> dict[str, str]:
    """This process's environment without anything that configures a mesh or a proxy."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("ASKMESH_")}
    return kept | {"ASKMESH_EMBEDDINGS_LANES": "1"} | PATIENT | changes


class RunningMesh:
    """A mesh in `directory`. `free_port` finds its ports; `variables` are given to all its processes."""

    def __init__(self, directory: Path, free_port: Callable[[], int], **variables: str) -> None:
        self.directory = directory
        ports: dict[str, int] = {}
        while len(set(ports.values())) < len(SERVICES):
            ports = {name: free_port() for name in SERVICES}
        self.urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        own = {f"ASKMESH_{name.upper()}_PORT": str(port) for name, port in ports.items()}
        self.environment = clean_environment(**own | variables)
        self.client = httpx2.Client(base_url=self.urls["bot"], timeout=120, trust_env=False)

    def up(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return self.script("up", "--no-learn", "--wait", "200", *arguments)

    def script(self, *arguments: str, patience_s: float = 230) -> "subprocess.CompletedProcess[str]":
        """Run `scripts/up.py`, to its end."""
        return self.run(str(ROOT / "scripts" / "up.py"), *arguments, patience_s=patience_s)

    def run(self, *arguments: str, patience_s: float = 230) -> "subprocess.CompletedProcess[str]":
        """Run Python with the mesh's environment in the mesh's folder, to its end."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=patience_s,
            check=False,
        )

    def close(self) -> None:
        self.client.close()
        self.script("down")

    @property
    def supervisor(self) -> dict[str, Any]:
        """The supervisor's state file."""
        state: dict[str, Any] = json.loads((self.directory / ".askmesh" / "supervisor.json").read_text())
        return state

    def pid(self, name: str) -> int:
        return int(self.supervisor["services"][name]["pid"])

    @property
    def is_supervised(self) -> bool:
        """Whether the supervisor runs: it holds a lock as long as it does."""
        with (self.directory / ".askmesh" / "supervisor.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def starts(self, name: str) -> int:
        """How often the service was started, by its log."""
        return (self.directory / ".askmesh" / "logs" / f"{name}.log").read_text().count("Listening at")

    def ready(self, name: str) -> bool:
        try:
            return httpx2.get(f"{self.urls[name]}/readyz", timeout=10, trust_env=False).status_code == 200
        except httpx2.TransportError:
            return False

    def learn(self, kind: str, location: str, **more: Any) -> dict[str, Any]:
        """Learn a source and wait for it; returns the last progress."""
        body = {"kind": kind, "location": location, "stream": True} | more
        with self.client.stream("POST", "/v1/sources", json=body, timeout=230) as answer:
            events = read_events(answer)
        assert events[-1][0] == "done", events[-1]
        return events[-1][1]

    def ask(self, question: str) -> "httpx2.Response":
        return self.client.post("/v1/ask", json={"question": question})

    def ask_streaming(self, question: str) -> list[tuple[str, dict[str, Any]]]:
        with self.client.stream("POST", "/v1/ask", json={"question": question, "stream": True}) as answer:
            return read_events(answer)

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """The service is dead for the length of the block; then the supervisor notices and starts it again."""
        supervisor, pid = self.supervisor["pid"], self.pid(name)
        os.kill(supervisor, signal.SIGSTOP)
        try:
            os.killpg(pid, signal.SIGKILL)
            until(lambda: not self.ready(name), what=f"the end of {name}")
            yield
        finally:
            os.kill(supervisor, signal.SIGCONT)
        until(lambda: self.ready(name), what=f"the return of {name}")


def read_events(answer: "httpx2.Response") -> list[tuple[str, dict[str, Any]]]:
    """Server-sent events as (name, data)."""
    events, name = [], ""
    for line in answer.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            events.append((name, json.loads(line.removeprefix("data: "))))
    return events
