"""Load the configured model and compare it with its reference vectors, or store them."""

import argparse
import json
import sys
from dataclasses import asdict

from askmesh_embeddings.encoders.base import Encoder, EncoderError
from askmesh_embeddings.encoders.registry import load_encoder
from askmesh_embeddings.golden import self_test
from askmesh_embeddings.references import WRITTEN, check_encoder, find_reference, write_reference
from askmesh_embeddings.settings import Settings

_FORM_ONLY = "nothing: only shape, length, finiteness and that different texts differ were checked (see --write)"


def run(options: argparse.Namespace) -> int:
    settings = Settings()
    try:
        encoder = load_encoder(settings.encoder, settings.encoder_options)
        written = _write(encoder, settings) if options.write else None
        result = check_encoder(encoder, settings)
    except (EncoderError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    report = asdict(encoder.info) | asdict(result) | {"compared_with": result.compared_with or _FORM_ONLY}
    sys.stdout.write(json.dumps(report | ({"written": written} if written else {}), indent=2) + "\n")
    return 1 if result.problem else 0


def _write(encoder: Encoder, settings: Settings) -> str | None:
    """Where the vectors were stored. Raises EncoderError and OSError."""
    reference = find_reference(encoder, settings)
    if reference and reference.source != WRITTEN:
        sys.stderr.write(f"Nothing is written: this model is compared with {reference.source}.\n")
        return None
    if self_test(encoder, None).problem:
        return None
    return str(write_reference(encoder, settings))
