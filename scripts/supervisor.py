"""Keeps the mesh's services running: starts them, restarts what dies, stops them in order. Started by `up.py`."""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Literal

from mesh import Mesh, Service, load

FIRST_DELAY_S, LONGEST_DELAY_S = 0.5, 30.0
# A service that ran this long was healthy: its next death starts the delays from the beginning.
HEALTHY_S = 30.0
CRASHES_THAT_LOOP = 3
LOG_BYTES = 10 * 1024 * 1024
GLANCE_S = 2.0  # `up` and `status` take the lock for a moment, to see whether it is free
WORKERS_S = 10  # gunicorn waits a little longer than the services' own grace before it kills its workers


@dataclass
class State:
    """What `status` shows of one service."""

    state: Literal["starting", "running", "waiting", "crash-looping", "stopped"] = "starting"
    pid: int = 0
    since: float = 0.0
    restarts: int = 0
    last_exit: str = ""


class Child:
    """One service's process and its restarts."""

    def __init__(self, service: Service, supervisor: "Supervisor") -> None:
        self.service, self._supervisor = service, supervisor
        self.state = State()
        self._process: asyncio.subprocess.Process | None = None

    async def keep_running(self) -> None:
        """Start the service again whenever it ends, ever more slowly if it ends at once. Ends when cancelled."""
        delay, crashes = FIRST_DELAY_S, 0
        while True:
            began = time.monotonic()
            code = await self._run_once()
            if time.monotonic() - began > HEALTHY_S:
                delay, crashes = FIRST_DELAY_S, 0
            crashes += 1
            state: Literal["waiting", "crash-looping"] = "crash-looping" if crashes >= CRASHES_THAT_LOOP else "waiting"
            self._set(state=state, pid=0, last_exit=_describe(code), restarts=self.state.restarts + 1)
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_DELAY_S)

    async def _run_once(self) -> int:
        with _open_log(self._supervisor.mesh.log(self.service.name)) as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", self.service.module, "serve"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._supervisor.mesh.directory,
                env=self._supervisor.mesh.environment(),
                start_new_session=True,  # its own process group: its workers can be stopped with it
            )
        self._set(state="running", pid=self._process.pid, since=time.time())
        code = await self._process.wait()
        # A master that was killed leaves workers behind which still hold the port.
        _signal_group(self._process.pid, signal.SIGKILL)
        return code

    async def stop(self) -> None:
        """SIGTERM, time to finish what runs, then SIGKILL."""
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), self.service.grace_s + WORKERS_S)
            _signal_group(process.pid, signal.SIGKILL)
        self._set(state="stopped", pid=0)

    def _set(self, **changes: object) -> None:
        for name, value in changes.items():
            setattr(self.state, name, value)
        self._supervisor.save()


class Supervisor:
    """All children, their state file, and the logs' size."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self._settings = mesh.settings_digest()
        self._children = [Child(service, self) for service in mesh.local]

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT. The bot stops first, so that it can finish its answers."""
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        tasks = [asyncio.create_task(child.keep_running()) for child in self._children]
        tasks.append(asyncio.create_task(self._watch_logs()))
        await stopping.wait()
        for task in tasks:
            task.cancel()
        bot, others = self._children[0], self._children[1:]
        await bot.stop()
        await asyncio.gather(*(child.stop() for child in others))

    def save(self) -> None:
        """Write the state file in one step, so that no reader sees half of it."""
        states = {child.service.name: asdict(child.state) for child in self._children}
        path = self.mesh.state / "supervisor.json"
        state = {"pid": os.getpid(), "settings": self._settings, "services": states}
        try:
            path.with_suffix(".tmp").write_text(json.dumps(state, indent=1))
            path.with_suffix(".tmp").replace(path)
        except OSError as error:
            # A full disk must not end the restarting of services: only `status` is out of date for it.
            print(f"{path} can't be written: {error}", file=sys.stderr, flush=True)

    async def _watch_logs(self) -> None:
        while True:
            for child in self._children:
                _trim(self.mesh.log(child.service.name))
            await asyncio.sleep(60)


def _open_log(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab")


def _trim(path: Path) -> None:
    """Keep one old log beside the current one. The service's handle appends, so emptying the file under it is safe."""
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.with_suffix(".log.1").write_bytes(path.read_bytes())
        os.truncate(path, 0)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _describe(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


def lock(mesh: Mesh) -> IO[str] | None:
    """The one supervisor's lock, held until the file is closed; None if another process has it."""
    mesh.state.mkdir(parents=True, exist_ok=True)
    handle = (mesh.state / "supervisor.lock").open("a")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    return handle


def main() -> None:
    mesh = load(Path.cwd())
    held = lock(mesh)
    end = time.monotonic() + GLANCE_S
    while held is None and time.monotonic() < end:
        time.sleep(0.05)
        held = lock(mesh)
    if held is None:
        raise SystemExit("a supervisor already runs here")
    asyncio.run(Supervisor(mesh).run())


if __name__ == "__main__":
    main()
