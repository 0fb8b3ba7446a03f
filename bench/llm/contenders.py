"""The systems measured, each in a process of its own, all started before the first measurement."""

import asyncio
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from typing import Any

from askmesh_llm.commands.load import Answered, Load, Result, run, summary


@dataclass
class Contender:
    """A running system. `name` is its line in the table."""

    name: str
    process: subprocess.Popen[str]
    url: str = ""
    # A system that takes one request at a time gains nothing from more at once; it is measured with these only.
    concurrencies: tuple[int, ...] | None = None

    def measure(self, load: Load) -> Result:
        return asyncio.run(run(self.url, "", load))

    def peak_mb(self) -> float:
        """The most memory its processes have held, in MiB: anonymous and file pages in RAM."""
        return sum(_status(pid, "VmHWM") for pid in _tree(self.process.pid)) / 1024

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Plain(Contender):
    """`model.generate`, one after the other."""

    def measure(self, load: Load) -> Result:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(asdict(load)) + "\n")
        self.process.stdin.flush()
        told = json.loads(self.process.stdout.readline())
        each = told["tokens"] // load.requests
        answers = [
            Answered(first, total, each, ()) for first, total in zip(told["firsts"], told["totals"], strict=True)
        ]
        return summary(load, answers, 0, told["totals"][-1])


def start_plain(folder: pathlib.Path) -> Contender:
    command = [sys.executable, "-m", "bench.llm.plain", str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=_log("plain"), text=True)
    assert process.stdout
    if process.stdout.readline().strip() != "ready":
        raise SystemExit("plain generate did not start")
    return Plain("model.generate, one at a time", process)


def start_ours(folder: pathlib.Path, engine: str, python: str, **settings: str) -> Contender:
    port = _free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ASKMESH_")}
    environment |= {"ASKMESH_LLM_ENGINE": engine, "ASKMESH_LLM_MODEL": str(folder), "ASKMESH_LLM_PORT": str(port)}
    environment |= {f"ASKMESH_LLM_{name.upper()}": value for name, value in settings.items()}
    command = [python, "-m", "askmesh_llm", "serve"]
    process = subprocess.Popen(command, env=environment, stdout=_log(engine), stderr=subprocess.STDOUT, text=True)
    contender = Contender(f"askmesh, {engine}", process, f"http://127.0.0.1:{port}/v1")
    _until(f"http://127.0.0.1:{port}/readyz", process)
    return contender


def start_transformers_serve(folder: pathlib.Path, blocks: int, python: str) -> Contender:
    port = _free_port()
    command = [python, "-c", "from transformers.cli.transformers import main; main()", "serve", str(folder)]
    command += ["--continuous-batching", "--cb-num-blocks", str(blocks), "--cb-block-size", "64"]
    command += ["--cb-max-batch-tokens", "512", "--host", "127.0.0.1", "--port", str(port)]
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(command, env=environment, stdout=_log("serve"), stderr=subprocess.STDOUT, text=True)
    contender = Contender("transformers serve --continuous-batching", process, f"http://127.0.0.1:{port}/v1")
    _until(f"http://127.0.0.1:{port}/health", process)
    return contender


def _until(url: str, process: subprocess.Popen[str]) -> None:
    why = ""
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit(f"{process.args!r} ended while starting: see {_log_file('*')}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError as error:
            why = error.read().decode()
            if "could not be loaded" in why:
                break
        except OSError:
            pass
        time.sleep(0.2)
    process.terminate()
    process.wait()
    raise SystemExit(f"{url} never became ready: {why}")


def _log(name: str) -> Any:
    return _log_file(name).open("w")


def _log_file(name: str) -> pathlib.Path:
    return pathlib.Path(tempfile.gettempdir()) / f"askmesh-bench-llm-{name}.log"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tree(root: int) -> list[int]:
    """A process and its descendants."""
    parents: dict[int, list[int]] = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            parent = int(_status(int(entry.name), "PPid"))
            parents.setdefault(parent, []).append(int(entry.name))
    found, queue = [], [root]
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue += parents.get(pid, [])
    return found


def _status(pid: int, name: str) -> float:
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0.0)
