"""The corpora that questions are asked over, made once and kept in the cache."""

import hashlib
import json
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CACHE = Path.home() / ".cache" / "askmesh" / "evals"

# What the gold line ranges were taken from.
FURY_VERSION = "2.0.0"
FURY_SHA256 = "35891b750219719a7a01b77b0e0ade424d64513fee96f4efc54297aca6d002ef"

# Pure Python and documented in its docstrings; gold objects are named, so any Python 3.11 or later will do.
STDLIB = (
    *("argparse", "asyncio", "base64", "bisect", "collections", "concurrent", "configparser", "contextlib", "copy"),
    *("csv", "dataclasses", "datetime", "difflib", "enum", "fnmatch", "functools", "getpass", "glob", "gzip", "heapq"),
    *("http", "inspect", "ipaddress", "json", "logging", "pathlib", "pickle", "queue", "random", "sched", "secrets"),
    *("shelve", "shutil", "statistics", "string", "subprocess", "tempfile", "textwrap", "threading", "timeit"),
    *("traceback", "types", "urllib", "uuid", "weakref", "zipfile"),
)


@dataclass(frozen=True)
class Corpus:
    """A tree of documents or a file of threads, what it is called, and a digest of what it was made from."""

    folder: Path
    title: str
    sha256: str
    kind: str = "tree"


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
    return Corpus(folder, "FURY", digest)


def stdlib(cache: Path = CACHE) -> Corpus:
    """Some modules of the running Python's standard library, without their tests."""
    home = Path(sysconfig.get_path("stdlib"))
    folder = cache / f"stdlib-{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    if not folder.exists():
        with _scratch(folder) as made:
            for name in STDLIB:
                if (home / name).is_dir():
                    shutil.copytree(home / name, made / name, ignore=shutil.ignore_patterns("__pycache__", "test*"))
                else:
                    shutil.copy(home / f"{name}.py", made)
    return Corpus(folder, "Python standard library", _digest(folder))


def chat(file: Path, cache: Path = CACHE) -> Corpus:
    """Threads of a chat, in askmesh's own format, at a place that is the same for every checkout."""
    raw = file.read_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    folder = cache / f"chat-{digest[:8]}"
    if not folder.exists():
        with _scratch(folder) as made:
            (made / file.name).write_bytes(raw)
    return Corpus(folder / file.name, "Marram chat", digest, "threads")


def marram(folder: Path, cache: Path = CACHE) -> Corpus:
    """The documentation of the project that the chat is about, at a place that is the same for every checkout."""
    digest = _digest(folder, "*.md")
    copy = cache / f"marram-{digest[:8]}"
    if not copy.exists():
        with _scratch(copy) as made:
            shutil.copytree(folder, made, dirs_exist_ok=True)
    return Corpus(copy, "Marram", digest)


def squad(data: Path, path_of: Callable[[str, int], str], cache: Path = CACHE) -> Corpus:
    """SQuAD 2.0's paragraphs, pooled: one small Markdown document each, at the path of its title and number."""
    raw = (data / "squad2" / "dev-open.json").read_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    folder = cache / f"squad-{digest[:8]}"
    if not folder.exists():
        with _scratch(folder) as made:
            articles: list[dict[str, Any]] = json.loads(raw)["data"]
            for article in articles:
                (made / article["title"]).mkdir()
                for number, paragraph in enumerate(article["paragraphs"]):
                    text = f"# {article['title'].replace('_', ' ')}\n\n{paragraph['context'].strip()}\n"
                    (made / path_of(article["title"], number)).write_text(text, encoding="utf-8")
    return Corpus(folder, "SQuAD", digest)


class _scratch:  # noqa: N801 - a context manager read as a verb
    """A folder to fill, renamed to its own name when whole, so that an interrupted run leaves no half corpus."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Path:
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        self._made = Path(tempfile.mkdtemp(dir=self._folder.parent))
        return self._made

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._made.rename(self._folder)
        else:
            shutil.rmtree(self._made)


def _digest(folder: Path, pattern: str = "*.py") -> str:
    whole = hashlib.sha256()
    for path in sorted(folder.rglob(pattern)):
        whole.update(path.read_bytes())
    return whole.hexdigest()


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
