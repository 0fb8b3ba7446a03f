"""`askmesh-llm download` against a loopback hub: whole, broken off, killed, damaged, and loaded without a network."""

import hashlib
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from .hub import COMMIT, LARGE, MODEL, Hub, serving

pytestmark = pytest.mark.models


@pytest.fixture
def hub(checkpoint: pathlib.Path) -> Iterator[Hub]:
    with serving(Hub(checkpoint)) as running:
        yield running


@pytest.fixture
def environment(hub: Hub, tmp_path: pathlib.Path) -> dict[str, str]:
    """What points the command at the loopback hub and at a cache of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ASKMESH_", "HF_"))}
    patient = {"HF_HUB_DOWNLOAD_TIMEOUT": "100", "HF_HUB_ETAG_TIMEOUT": "100"}
    return (
        kept | {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_DISABLE_TELEMETRY": "1"} | patient
    )


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "askmesh_llm", *arguments]


def download(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("download", MODEL, *arguments), env=environment, capture_output=True, text=True, timeout=250
    )


def large_blob(environment: dict[str, str], hub: Hub) -> pathlib.Path:
    digest = hashlib.sha256(hub.files[LARGE]).hexdigest()
    return pathlib.Path(environment["HF_HOME"]) / f"hub/models--{MODEL.replace('/', '--')}/blobs/{digest}"


def transfers(hub: Hub) -> list[str]:
    return [wanted for path, wanted in hub.asked if path.endswith(LARGE)]


def test_it_arrives_whole_once_and_without_pickles_or_code(hub: Hub, environment: dict[str, str]) -> None:
    done = download(environment)
    assert done.returncode == 0, done.stderr
    folder = pathlib.Path(done.stdout.strip())
    assert folder.name == COMMIT
    names = {path.name for path in folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", LARGE} <= names
    assert not names & {"pytorch_model.bin", "modeling_evil.py"}
    assert all((folder / name).read_bytes() == hub.files[name] for name in names)
    assert f"ASKMESH_LLM_REVISION={COMMIT}" in done.stderr
    hub.asked.clear()
    assert "already here" in download(environment).stderr
    assert [path for path, _ in hub.asked] == [f"/api/models/{MODEL}"]


def test_what_was_downloaded_loads_without_a_network_and_passes_the_self_test(
    hub: Hub, environment: dict[str, str], tmp_path: pathlib.Path
) -> None:
    hub.files[LARGE] = b"small"
    assert download(environment).returncode == 0
    offline = environment | {
        "HF_HUB_OFFLINE": "1",
        "ASKMESH_LLM_ENGINE": "transformers",
        "ASKMESH_LLM_MODEL": MODEL,
        "ASKMESH_LLM_REVISION": COMMIT,
        "ASKMESH_LLM_CACHE_TOKENS": "512",
    }
    hub.asked.clear()
    done = subprocess.run(
        command("golden", "--record", str(tmp_path / "golden.json")),
        env=offline,
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert "recorded in" in done.stdout, done.stderr
    assert hub.asked == []


def test_a_connection_that_breaks_off_goes_on_where_it_was(hub: Hub, environment: dict[str, str]) -> None:
    hub.break_at = 15_000_000
    done = download(environment)
    assert done.returncode == 0, done.stderr
    first, second = transfers(hub)
    assert first == ""
    assert second.startswith("bytes=10")  # what had been written to disk was not fetched again
    assert large_blob(environment, hub).read_bytes() == hub.files[LARGE]


def test_a_killed_download_goes_on_where_it_was(hub: Hub, environment: dict[str, str]) -> None:
    hub.stall_at = 15_000_000
    part = large_blob(environment, hub).with_suffix(".incomplete")
    with subprocess.Popen(command("download", MODEL), env=environment, stderr=subprocess.DEVNULL) as killed:
        assert hub.stalled.wait(60)
        while not (part.exists() and part.stat().st_size):
            assert killed.poll() is None
            time.sleep(0.05)
        killed.send_signal(signal.SIGKILL)
    hub.resume.set()
    kept = part.stat().st_size
    assert kept > 0
    hub.asked.clear()
    done = download(environment)
    assert done.returncode == 0, done.stderr
    assert "going on after" in done.stderr
    assert transfers(hub) == [f"bytes={kept}-"]
    assert large_blob(environment, hub).read_bytes() == hub.files[LARGE]


def test_a_damaged_file_is_fetched_again_and_never_used(hub: Hub, environment: dict[str, str]) -> None:
    hub.damages = 1
    done = download(environment)
    assert done.returncode == 0, done.stderr
    assert "checksum wrong" in done.stderr
    assert large_blob(environment, hub).read_bytes() == hub.files[LARGE]
    large_blob(environment, hub).unlink()
    hub.damages = 9
    done = download(environment)
    assert done.returncode == 1
    assert "arrives damaged" in done.stderr
    assert not large_blob(environment, hub).exists()


def test_what_is_not_there_says_so_without_a_traceback(environment: dict[str, str]) -> None:
    environment["HF_ENDPOINT"] = "http://127.0.0.1:9"
    done = download(environment)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert MODEL in done.stderr
