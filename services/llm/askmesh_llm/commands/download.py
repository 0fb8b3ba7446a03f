"""`askmesh-llm download`: a model into Hugging Face's cache, resumable and checked, where `serve` finds it.

The library's own download starts a file again after its process was stopped; this one goes on where it was.
"""

import fnmatch
import hashlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2
from huggingface_hub import HfApi, constants, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.file_download import http_get, repo_folder_name
from huggingface_hub.utils._fixes import WeakFileLock
from huggingface_hub.utils._headers import build_hf_headers

# What the transformers engine reads: never pickled weights, never code.
WANTED = ("*.safetensors", "*.json", "*.model", "*.jinja", "*.txt", "LICENSE*", "README.md")
# Beside them in a repository: the same weights for other programs.
NOT_WANTED = ("onnx/*", "openvino/*", "original/*", "gguf/*", "*.onnx.json")
_TRIES = 2


class DownloadFailed(Exception):
    """The model could not be had, with the reason and the remedy."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of the repository. `digest` is its SHA-256 (64 digits), or git's SHA-1 of a small file (40 digits)."""

    name: str
    size: int
    digest: str


def download(model: str, revision: str | None) -> tuple[Path, str]:
    """Fetch what is missing; returns the snapshot's folder and its commit. Raises DownloadFailed."""
    try:
        commit, files = _list(model, revision)
        folder = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=model, repo_type="model")
        (folder / "blobs").mkdir(parents=True, exist_ok=True)
        with WeakFileLock(folder / ".askmesh-download.lock"):
            for file in files:
                _fetch(model, commit, file, folder)
                _link(folder, commit, file)
            _name_revision(folder, revision or "main", commit)
    except HfHubHTTPError as error:
        fix = "Check the name and the revision; for a model with restricted access set HF_TOKEN."
        raise DownloadFailed(f"{error} {fix}") from error
    except (httpx2.TransportError, OSError) as error:
        raise DownloadFailed(f"{type(error).__name__}: {error} Run the command again to go on.") from error
    return folder / "snapshots" / commit, commit


def _list(model: str, revision: str | None) -> tuple[str, Sequence[RemoteFile]]:
    info = HfApi().model_info(model, revision=revision, files_metadata=True, timeout=20)
    files = [
        RemoteFile(entry.rfilename, entry.size or 0, entry.lfs.sha256 if entry.lfs else entry.blob_id or "")
        for entry in info.siblings or []
        if _wanted(entry.rfilename)
    ]
    if not info.sha or not any(file.name.endswith(".safetensors") for file in files):
        raise DownloadFailed(f"{model} has no safetensors weights, and no others are loaded here.")
    return info.sha, files


def _wanted(name: str) -> bool:
    parts = Path(name).parts
    if name.startswith("/") or ".." in parts:
        raise DownloadFailed(f"The repository has a file outside itself: {name!r}.")
    matches = any(fnmatch.fnmatch(name, pattern) for pattern in WANTED)
    return matches and not any(fnmatch.fnmatch(name, pattern) for pattern in NOT_WANTED)


def _fetch(model: str, commit: str, file: RemoteFile, folder: Path) -> None:
    """Fetch one file to `blobs/DIGEST`. A file that is not what it should be is fetched once more from its beginning."""
    blob = folder / "blobs" / file.digest
    if blob.exists() and blob.stat().st_size == file.size:
        _say(f"{file.name}: already here\n")
        return
    part = blob.with_name(f"{file.digest}.incomplete")
    for _ in range(_TRIES):
        part.touch()
        have = part.stat().st_size
        if have > file.size:
            part.unlink()
            continue
        if have:
            _say(f"{file.name}: going on after {have:,} of {file.size:,} bytes\n")
        with part.open("r+b") as target:
            target.seek(0, os.SEEK_END)
            url = hf_hub_url(model, file.name, revision=commit)
            # Compressed transfers can't be resumed by byte.
            headers = build_hf_headers() | {"Accept-Encoding": "identity"}
            http_get(
                url, target, resume_size=have, headers=headers, expected_size=file.size, displayed_filename=file.name
            )
        if _digest(part, len(file.digest)) == file.digest:
            part.replace(blob)
            _say(f"{file.name}: {file.size:,} bytes, checksum right\n")
            return
        _say(f"{file.name}: checksum wrong, fetching it again\n")
        part.unlink()
    raise DownloadFailed(f"{file.name} arrives damaged: its checksum is not {file.digest}. Try again later.")


def _digest(path: Path, digits: int) -> str:
    """SHA-256 of the content, or git's SHA-1 where the expected digest has 40 digits."""
    size = path.stat().st_size
    digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False) if digits == 40 else hashlib.sha256()
    with path.open("rb") as content:
        while piece := content.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _link(folder: Path, commit: str, file: RemoteFile) -> None:
    """Make the snapshot's entry for a file, as the library lays its cache out."""
    pointer = folder / "snapshots" / commit / file.name
    pointer.parent.mkdir(parents=True, exist_ok=True)
    temporary = pointer.with_name(f"{pointer.name}.linking")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(os.path.relpath(folder / "blobs" / file.digest, pointer.parent))
    temporary.replace(pointer)


def _name_revision(folder: Path, revision: str, commit: str) -> None:
    if revision == commit:
        return
    reference = folder / "refs" / revision
    reference.parent.mkdir(parents=True, exist_ok=True)
    reference.write_text(commit)


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
