"""How a record stands in its table: its vector as bytes, its metadata as JSON, and a checksum of each.

SQLite notices when a file's structure is damaged, not when bytes within a record are. A record that was written before
there were checksums has none, and is taken as it is.
"""

import json
import zlib
from typing import Any

import numpy as np

from askmesh_vectordb.stores.base import Metadata, StoreDamaged, Vector


def encode(values: Vector) -> bytes:
    return values.astype("<f4").tobytes()


def decode(vector: bytes, expected: int | None) -> Vector:
    """Raises StoreDamaged where the bytes are not those that were written."""
    return np.frombuffer(checked(vector, expected), dtype="<f4").astype(np.float32)


def checked(vector: bytes, expected: int | None) -> bytes:
    """The bytes of a vector, if they are those that were written."""
    if not isinstance(vector, bytes) or (expected is not None and vector_sum(vector) != expected):
        raise _damaged("vector")
    return vector


def dump(metadata: Metadata) -> str:
    return json.dumps(metadata, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def parse(name: str, text: str, expected: int | None) -> Metadata:
    """The metadata of the record with this id. Raises StoreDamaged where either is not what was written."""
    try:
        if expected is None or text_sum(name, text) == expected:
            found: Metadata = json.loads(text)
            return found
    except (ValueError, AttributeError) as error:
        raise _damaged("text") from error
    raise _damaged("text")


def vector_sum(vector: bytes) -> int:
    return zlib.crc32(vector)


def text_sum(name: str, text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"), zlib.crc32(name.encode("utf-8", "surrogatepass")))


def existing(row: Any) -> Any:
    """A row that must be there."""
    if row is None:
        raise StoreDamaged("Something that is listed is not there.", fix="Run `askmesh-vectordb check`.")
    return row


def _damaged(what: str) -> StoreDamaged:
    return StoreDamaged(
        f"The {what} of a record is not what was written.", fix="Run `askmesh-vectordb check`; restore a backup."
    )
