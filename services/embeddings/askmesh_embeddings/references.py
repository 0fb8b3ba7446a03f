"""Where an encoder's reference vectors come from."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from askmesh_embeddings.encoders.base import Encoder, EncoderError
from askmesh_embeddings.encoders.graph_cache import default_cache_dir, write_atomically
from askmesh_embeddings.golden import Golden, SelfTest, record, self_test
from askmesh_embeddings.settings import Settings

WRITTEN = "vectors that selftest --write stored"


@dataclass(frozen=True)
class Reference:
    """Reference vectors and, in words, where they are from."""

    golden: Golden
    source: str


def find_reference(encoder: Encoder, settings: Settings) -> Reference | None:
    """The operator's own, the model folder's, those shipped with askmesh, else those written before; or None.

    Raises EncoderError for a file that cannot be read.
    """
    if settings.golden:
        return _read(settings.golden, "vectors that GOLDEN names")
    if encoder.references and encoder.references.is_file():
        return _read(encoder.references, "vectors that came with the model")
    shipped = files("askmesh_embeddings") / "golden" / f"{encoder.info.model.replace('/', '--')}.json"
    if shipped.is_file():
        return Reference(Golden.read(shipped.read_text(encoding="utf-8")), "vectors shipped with askmesh")
    return _read(written_path(settings), WRITTEN) if written_path(settings).is_file() else None


def check_encoder(encoder: Encoder, settings: Settings) -> SelfTest:
    """The self-test against whatever reference there is."""
    reference = find_reference(encoder, settings)
    return self_test(encoder, reference.golden, reference.source) if reference else self_test(encoder, None)


def write_reference(encoder: Encoder, settings: Settings) -> Path:
    """Store what `encoder` gives now, to be compared with from the next start on. Raises OSError."""
    path = written_path(settings)
    write_atomically(path, record(encoder).write().encode())
    return path


def written_path(settings: Settings) -> Path:
    """Named for what the operator configured, not for the weights: other weights under that name are to be noticed."""
    configured = f"{settings.encoder}\n{settings.model}"
    name = hashlib.sha256(configured.encode()).hexdigest()[:16]
    return (settings.cache_dir or default_cache_dir()) / "golden" / f"{name}.json"


def _read(path: Path, source: str) -> Reference:
    """Raises EncoderError: a reference that cannot be read must not pass for none."""
    try:
        return Reference(Golden.read(path.read_text(encoding="utf-8")), source)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EncoderError(f"The {source} cannot be read from {path}: {error}.", "Make them again.") from error
