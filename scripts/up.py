"""Starts, stops and shows the mesh on this machine: `up.py up|down|status`. `make up`, `make down`, `make status`."""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import corpus
import ports
from mesh import Mesh, Service, load
from probe import probe
from supervisor import lock

# A large model takes minutes to be fetched and loaded: say what is waited for, this often.
PATIENCE_S = 15.0
QUESTION = "How do I read a whole text file into a string with pathlib?"


def up(mesh: Mesh, *, learn: bool, wait_s: float) -> None:
    """Start what does not run yet, wait until it is ready, learn the first corpus once, say what to do next."""
    if _runs(mesh) and _state(mesh).get("settings") != mesh.settings_digest():
        print("The settings have changed since askmesh was started: it is started anew.")
        down(mesh)
    if _runs(mesh):
        print("askmesh is already up.")
    else:
        _stop_leftovers(mesh)
        _refuse_taken_ports(mesh)
        _start_supervisor(mesh)
        print(f"Starting askmesh; its logs are in {_relative(mesh, mesh.log('bot').parent)}/")
    _wait_until_ready(mesh, wait_s)
    if learn:
        corpus.learn(mesh)
    url = mesh.service("bot").url
    print(f"\naskmesh answers at  {url}\n")
    print(f'  ask     make ask Q="{QUESTION}"')
    print("  learn   make learn FROM=path/to/your/docs/or/code")
    print("  stop    make down")


def down(mesh: Mesh) -> None:
    """Stop the supervisor, which stops the services; running answers get their time to finish."""
    if not _runs(mesh):
        _stop_leftovers(mesh)
        print("askmesh is not running.")
        return
    pid = _state(mesh).get("pid", 0)
    print("Stopping askmesh …")
    os.kill(pid, signal.SIGTERM)
    longest_s = 2 * max(service.grace_s for service in mesh.services) + 30
    for _ in _ticks(longest_s):
        if not _runs(mesh):
            print("askmesh is down.")
            return
    raise SystemExit(f"The supervisor (pid {pid}) did not stop within {longest_s} s; see {mesh.log('supervisor')}")


def status(mesh: Mesh) -> None:
    """Print a table of the services. Exits with 1 unless all are ready."""
    running = _runs(mesh)
    states = _state(mesh).get("services", {}) if running else {}
    rows = [("service", "state", "ready", "pid", "restarts", "up", "address")]
    ready = running
    for service in mesh.services:
        seen = probe(service)
        ready = ready and seen.ready
        state = states.get(service.name, {})
        up_for = _duration(time.time() - state["since"]) if state.get("pid") else "-"
        what = "elsewhere" if service.elsewhere else state.get("state", "down")
        pid, restarts = str(state.get("pid") or "-"), str(state.get("restarts", "-"))
        rows.append((service.name, what, seen.word, pid, restarts, up_for, service.url))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if not running:
        print("\naskmesh is not running: make up")
    sys.exit(0 if ready else 1)


def _runs(mesh: Mesh) -> bool:
    held = lock(mesh)
    if held is not None:
        held.close()
    return held is None


def _state(mesh: Mesh) -> dict[str, Any]:
    """What the supervisor last wrote; nothing where there is none, or where a full disk or a power cut damaged it."""
    path = mesh.state / "supervisor.json"
    try:
        state = json.loads(path.read_text()) if path.exists() else {}
    except ValueError:
        return {}
    return state if isinstance(state, dict) else {}


def _stop_leftovers(mesh: Mesh) -> None:
    """End services whose supervisor was killed: nobody looks after them any more, and they hold the ports."""
    for name, state in _state(mesh).get("services", {}).items():
        pid = state["pid"]
        if pid and f"askmesh_{name}" in ports.command_of(pid):
            print(f"Ending {name} (pid {pid}), left over from a supervisor that was killed.")
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            for _ in _ticks(5):
                if ports.is_free("127.0.0.1", mesh.service(name).port):
                    break
    (mesh.state / "supervisor.json").unlink(missing_ok=True)


def _refuse_taken_ports(mesh: Mesh) -> None:
    taken = [service for service in mesh.local if not ports.is_free(service.host, service.port)]
    for service in taken:
        print(f"Port {service.port}, which {service.name} listens on, is taken by {ports.owner(service.port)}.")
        print(f"  Stop it, or choose another port: put {service.port_variable}={service.port + 1000} into .env")
    if taken:
        raise SystemExit(1)


def _start_supervisor(mesh: Mesh) -> None:
    log = mesh.log("supervisor")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("supervisor.py"))],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=mesh.directory,
            start_new_session=True,  # it outlives this terminal
        )
    for _ in _ticks(120):
        if _runs(mesh) and _state(mesh):
            return
        if process.poll() is not None:
            break
    raise SystemExit(f"The supervisor did not start:\n{_tail(log)}")


def _wait_until_ready(mesh: Mesh, wait_s: float) -> None:
    began, waiting, told = time.monotonic(), {service.name: "" for service in mesh.services}, 0.0
    for _ in _ticks(wait_s):
        for service in (mesh.service(name) for name in list(waiting)):
            seen = probe(service)
            after = time.monotonic() - began
            if seen.ready:
                del waiting[service.name]
                print(f"  ✓ {service.name:<11} {service.url}  ready after {after:.1f} s", flush=True)
            else:
                waiting[service.name] = seen.reason or "no answer"
                _stop_at_crash_loop(mesh, service)
        if not waiting:
            return
        if time.monotonic() - began > told + PATIENCE_S:
            told = time.monotonic() - began
            print("  … waiting for " + "; ".join(f"{name} ({reason})" for name, reason in waiting.items()), flush=True)
    raise SystemExit(f"Not ready after {wait_s:g} s: {', '.join(waiting)}. Their logs: make logs")


def _stop_at_crash_loop(mesh: Mesh, service: Service) -> None:
    state = _state(mesh).get("services", {}).get(service.name, {})
    if state.get("state") != "crash-looping":
        return
    log = mesh.log(service.name)
    print(f"  ✗ {service.name} ends again and again ({state['last_exit']}). The end of {_relative(mesh, log)}:\n")
    print(_tail(log))
    down(mesh)
    raise SystemExit(1)


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join("    " + line for line in log.read_text(errors="replace").splitlines()[-lines:])


def _ticks(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.2)


def _relative(mesh: Mesh, path: Path) -> Path:
    return path.relative_to(mesh.directory)


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="up|down|status")
    starting = commands.add_parser("up", help="start the services and learn the first corpus")
    starting.add_argument("--no-learn", action="store_true", help="do not learn the first corpus")
    starting.add_argument("--wait", type=float, default=600, metavar="SECONDS", help="longest wait for readiness (600)")
    commands.add_parser("down", help="stop the services")
    commands.add_parser("status", help="show what runs")
    arguments = parser.parse_args()
    mesh = load(Path.cwd())
    if arguments.command == "up":
        up(mesh, learn=not arguments.no_learn, wait_s=arguments.wait)
    elif arguments.command == "down":
        down(mesh)
    else:
        status(mesh)


if __name__ == "__main__":
    main()
