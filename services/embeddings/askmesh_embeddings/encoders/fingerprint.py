"""The fingerprint that tells whether two sets of vectors may be compared."""

import hashlib
from pathlib import Path

_CHUNK = 1 << 20


def fingerprint(*, model: str, weights: str, pooling: str, normalised: bool, family: str) -> str:
    """16 hex digits over everything that moves vectors.

    `weights` is a revision or a hash of the weights. `family` is `float` for fp32, bf16 and fp16, whose vectors agree
    to a cosine of .9999 and may share an index; a quantised family would be another.
    """
    parts = "\n".join([model, weights, pooling, f"normalised={normalised}", family])
    return hashlib.sha256(parts.encode()).hexdigest()[:16]


def hash_files(*paths: Path) -> str:
    """SHA-256 over the files' contents, in the order given."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
