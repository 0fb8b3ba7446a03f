"""Pinecone's JavaScript SDK works unchanged too; skipped, with the reason, where node or the npm registry is missing."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from askmesh_vectordb.settings import Settings

from .conftest import serving

FILES = Path(__file__).parent / "npm"
CHECKS = 11


@pytest.fixture(scope="session")
def installed() -> Path:
    """A folder with the SDK that the lock file names, installed once for each lock file."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("node and npm are not installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(re.findall(r"\d+", version)[0]) < 20:
        pytest.skip(f"node {version.strip()} is older than 20")
    lock = hashlib.sha256((FILES / "package-lock.json").read_bytes()).hexdigest()[:16]
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = caches / "askmesh" / f"npm-{lock}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as fresh:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(FILES / name, fresh)
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=0"]
            try:
                done = subprocess.run(command, cwd=fresh, capture_output=True, text=True, timeout=60)
            except subprocess.TimeoutExpired:
                pytest.skip("npm ci took longer than 60 s")
            if done.returncode:
                said = [line for line in done.stderr.splitlines() if "error" in line]
                pytest.skip(f"npm ci failed: {' '.join(said)[:200]}")
            shutil.copytree(fresh, folder, dirs_exist_ok=True)
    return folder


def test_the_javascript_sdk_works_unchanged(installed: Path, make_settings: Callable[..., Settings]) -> None:
    # Beside the packages, where node looks for what it imports.
    script = installed / "conformance.mjs"
    script.write_text((FILES / "conformance.mjs").read_text())
    with serving(make_settings(api_keys="good")) as url:
        done = subprocess.run(["node", str(script), url, "good", "bad"], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["failed"] == {}
    assert len(told["passed"]) == CHECKS


def test_the_lock_file_names_no_registry() -> None:
    packages = json.loads((FILES / "package-lock.json").read_text())["packages"]
    assert any(name for name in packages)
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-")
