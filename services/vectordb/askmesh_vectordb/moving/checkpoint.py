"""Where a copy stands, in one small JSON file that is replaced after each page: what resumes it after a kill."""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from askmesh_vectordb.moving.base import BadFile
from askmesh_vectordb.moving.digests import Digest

_FORMAT = 1


@dataclass(slots=True)
class Place:
    """Of one index and namespace: records up to `cursor` are written, and summed up in `digest`."""

    cursor: str | None = None
    digest: Digest = field(default_factory=Digest)
    done: bool = False


class Checkpoint:
    """`identity` says which copy it is; a file of another one is refused."""

    def __init__(self, path: Path, identity: list[str]) -> None:
        self.path, self._identity = path, identity
        self._places: dict[tuple[str, str], Place] = {}
        if path.exists():
            self._read()

    @property
    def resumed(self) -> bool:
        return bool(self._places)

    def place(self, index: str, namespace: str) -> Place:
        return self._places.get((index, namespace), Place())

    def save(self, index: str, namespace: str, place: Place) -> None:
        self._places[index, namespace] = place
        places = [[*key, item.cursor, item.digest.to_json(), item.done] for key, item in self._places.items()]
        fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        try:
            with fresh.open("w", encoding="utf-8") as file:
                json.dump({"format": _FORMAT, "copy": self._identity, "places": places}, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, self.path)
        finally:
            fresh.unlink(missing_ok=True)

    def remove(self) -> None:
        with suppress(FileNotFoundError):
            self.path.unlink()

    def _read(self) -> None:
        try:
            told: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
            if told["format"] != _FORMAT:
                raise ValueError("another format")
            identity = told["copy"]
            for index, namespace, cursor, digest, done in told["places"]:
                self._places[index, namespace] = Place(cursor, Digest.from_json(digest), bool(done))
        except (ValueError, KeyError, TypeError) as error:
            raise BadFile(f"{self.path} is no checkpoint of a copy.", fix="Remove it, or name another.") from error
        if identity != self._identity:
            raise BadFile(
                f"{self.path} is the checkpoint of another copy ({' '.join(map(str, identity))}).",
                fix="Remove it, or name another with --checkpoint.",
            )


def default_path(identity: list[str]) -> Path:
    """In the working folder, named for the copy."""
    return Path(f"askmesh-copy-{hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:10]}.json")
