"""The corpora that questions are asked over, fetched once and kept in the cache."""

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

CACHE = Path.home() / ".cache" / "askmesh" / "evals"

# What the gold line ranges were taken from.
FURY_VERSION = "2.0.0"
FURY_SHA256 = "35891b750219719a7a01b77b0e0ade424d64513fee96f4efc54297aca6d002ef"


@dataclass(frozen=True)
class Corpus:
    """An unpacked source tree and the digest of the archive it came from."""

    folder: Path
    sha256: str


def fury(cache: Path = CACHE) -> Corpus:
    """FURY's source distribution (BSD-3-Clause), from PyPI. Exits with the remedy where it can't be had."""
    archive = cache / f"fury-{FURY_VERSION}.tar.gz"
    if not archive.exists():
        _download(f"fury=={FURY_VERSION}", archive)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != FURY_SHA256:
        raise SystemExit(f"{archive} is not the release that the questions were written for; delete it and try again.")
    folder = cache / f"fury-{FURY_VERSION}"
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=cache) as scratch, tarfile.open(archive) as packed:
            packed.extractall(scratch, filter="data")
            # Renamed when whole, so that an interrupted run leaves no half corpus.
            Path(scratch, folder.name).rename(folder)
    return Corpus(folder, digest)


def _download(requirement: str, archive: Path) -> None:
    archive.parent.mkdir(parents=True, exist_ok=True)
    print(f"Fetching {requirement} from PyPI (once) …", flush=True)
    with tempfile.TemporaryDirectory(dir=archive.parent) as scratch:
        # pip also asks the distribution for its metadata, which installs its build backend into an environment of its own.
        command = ["pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary", ":all:"]
        done = subprocess.run(  # noqa: S603 - every argument is our own
            [sys.executable, "-m", *command, "--dest", scratch, requirement],
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        found = next(Path(scratch).glob("*.tar.gz"), None)
        if found is None:
            raise SystemExit(
                f"{requirement} could not be fetched: {done.stderr.strip()[-500:]}\n"
                f"Put its source distribution at {archive} and try again."
            )
        found.rename(archive)
