"""Graphs that are made once from a model's weights and kept on disk, never trusted blindly.

The file's name carries the digest of its content, so a file that was cut short or altered is noticed before it is
loaded, and made again.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from askmesh_kit.logs import get_logger

from askmesh_embeddings.encoders.fingerprint import hash_files

log = get_logger("askmesh.embeddings")

_DIGITS = 32


def cached_graph(name: str, cache_dir: Path | None, build: Callable[[], bytes]) -> str | bytes:
    """The path of the graph `name`, built now if the cache lacks a sound one; its bytes where it cannot be written."""
    folder = cache_dir or default_cache_dir()
    if kept := _sound(folder, name):
        return str(kept)
    graph = build()
    path = folder / f"{name}-{hashlib.sha256(graph).hexdigest()[:_DIGITS]}.onnx"
    with contextlib.suppress(OSError):
        write_atomically(path, graph)
        return str(path)
    return graph


def default_cache_dir() -> Path:
    """`askmesh` under the user's cache folder (XDG base directory specification)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "askmesh"


def write_atomically(path: Path, content: bytes) -> None:
    """All or nothing, also when several processes write at once: the last rename wins. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _sound(folder: Path, name: str) -> Path | None:
    """The kept file, if its content is what its name says; one that is not is removed."""
    for path in folder.glob(f"{name}-*.onnx"):
        with contextlib.suppress(OSError):
            if hash_files(path)[:_DIGITS] == path.stem.rpartition("-")[2]:
                return path
            log.warning("graph_damaged", path=str(path), fix="It is made again.")
            path.unlink()
    return None
