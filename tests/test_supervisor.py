"""`make up`, `make down` and `make status`: what the script behind them does when things go wrong."""

import os
import signal
import socket
from collections.abc import Callable
from typing import Any

from running_mesh import RunningMesh, until


def test_a_killed_service_is_started_again_and_the_others_are_left_alone(mesh: RunningMesh) -> None:
    before = {name: mesh.pid(name) for name in mesh.urls}
    os.kill(before["llm"], signal.SIGKILL)
    until(lambda: mesh.pid("llm") not in {0, before["llm"]} and mesh.ready("llm"), what="a new llm")
    assert {name: mesh.pid(name) for name in mesh.urls if name != "llm"} == {
        name: pid for name, pid in before.items() if name != "llm"
    }
    assert mesh.supervisor["services"]["llm"]["last_exit"] == "killed by SIGKILL"
    # A machine that is busy may keep one of the others from saying in time that it is ready.
    shown = until(lambda: not (shown := mesh.script("status")).returncode and shown, what="readiness")
    row = next(line for line in shown.stdout.splitlines() if line.startswith("llm"))
    assert row.split()[4] == str(mesh.supervisor["services"]["llm"]["restarts"]) != "0"


def test_up_again_says_so_and_changes_nothing(mesh: RunningMesh) -> None:
    before = mesh.supervisor["pid"]
    again = mesh.up()
    assert again.returncode == 0
    assert "already up" in again.stdout
    assert mesh.urls["bot"] in again.stdout
    assert mesh.supervisor["pid"] == before


def test_up_with_changed_settings_applies_them(another_mesh: Any, free_port: Callable[[], int]) -> None:
    mesh = another_mesh()
    assert mesh.up().returncode == 0
    before, moved = mesh.supervisor["pid"], free_port()
    (mesh.directory / ".env").write_text(f"ASKMESH_LLM_MAX_MODEL_LEN=2048\nASKMESH_BOT_PORT={moved}\n")
    del mesh.environment["ASKMESH_BOT_PORT"]
    again = mesh.up()
    assert again.returncode == 0, again.stdout + again.stderr
    assert "settings have changed" in again.stdout
    assert f"askmesh answers at  http://127.0.0.1:{moved}\n" in again.stdout
    assert mesh.supervisor["pid"] != before


def test_a_taken_port_is_refused_with_its_owner_and_the_remedy(another_mesh: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = another_mesh(ASKMESH_VECTORDB_PORT=str(port)).up()
    assert refused.returncode == 1
    assert f"Port {port}, which vectordb listens on, is taken by" in refused.stdout
    assert f"(pid {os.getpid()})" in refused.stdout
    assert "ASKMESH_VECTORDB_PORT=" in refused.stdout


def test_a_service_that_can_not_start_is_reported_with_the_end_of_its_log(another_mesh: Any) -> None:
    broken = another_mesh(ASKMESH_LLM_ENGINE="nonsense")
    started = broken.up()
    assert started.returncode == 1
    assert "llm ends again and again" in started.stdout
    assert "unknown engine 'nonsense'" in started.stdout
    assert "Traceback" not in started.stdout + started.stderr
    assert not broken.ready("bot")


def test_down_ends_everything_and_up_clears_what_a_killed_supervisor_left(another_mesh: Any) -> None:
    mesh = another_mesh()
    assert mesh.up().returncode == 0
    orphans = {name: mesh.pid(name) for name in mesh.urls}
    os.kill(mesh.supervisor["pid"], signal.SIGKILL)
    until(lambda: not mesh.is_supervised, what="the end of the supervisor")
    again = mesh.up()
    assert again.returncode == 0, again.stdout + again.stderr
    assert "left over from a supervisor that was killed" in again.stdout
    assert not set(orphans.values()) & {mesh.pid(name) for name in mesh.urls}
    assert mesh.script("down").stdout.splitlines()[-1] == "askmesh is down."
    assert not any(mesh.ready(name) for name in mesh.urls)
    shown = mesh.script("status")
    assert shown.returncode == 1
    assert "not running: make up" in shown.stdout
    assert mesh.script("down").stdout == "askmesh is not running.\n"


def test_a_damaged_state_file_is_no_obstacle(another_mesh: Any) -> None:
    mesh = another_mesh()
    state = mesh.directory / ".askmesh" / "supervisor.json"
    state.parent.mkdir(parents=True, exist_ok=True)
    for damaged in ('{"pid": 12', "", "[]", "\0" * 20):
        state.write_text(damaged)
        shown = mesh.script("status")
        assert "askmesh is not running: make up" in shown.stdout, shown.stderr
        assert shown.stderr == ""
    assert "not running" in mesh.script("down").stdout
    assert not state.exists()


def test_a_state_file_that_can_not_be_written_does_not_end_the_restarting(another_mesh: Any) -> None:
    mesh = another_mesh()
    assert mesh.up().returncode == 0
    before, starts = mesh.pid("llm"), mesh.starts("llm")
    # A folder in its place is refused like a full disk, also to root.
    (mesh.directory / ".askmesh" / "supervisor.tmp").mkdir()
    os.kill(before, signal.SIGKILL)
    until(lambda: mesh.starts("llm") > starts and mesh.ready("llm"), what="the return of the llm")
    (mesh.directory / ".askmesh" / "supervisor.tmp").rmdir()
