"""Load the configured model and compare it with its reference vectors, or store them."""

import argparse
import json
import sys
from dataclasses import asdict

from askmesh_embeddings.encoders.base import EncoderError
from askmesh_embeddings.encoders.registry import load_encoder
from askmesh_embeddings.golden import self_test
from askmesh_embeddings.references import WRITTEN, check_encoder, find_reference, write_reference
from askmesh_embeddings.settings import Settings

_FORM_ONLY = "nothing: only shape, length, finiteness and that different texts differ were checked (see --write)"


def run(options: argparse.Namespace) -> int:
    settings = Settings()
    try:
        encoder = load_encoder(settings.encoder, settings.encoder_options)
    except EncoderError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    written = None
    if options.write:
        reference = find_reference(encoder, settings)
        if reference and reference.source != WRITTEN:
            sys.stderr.write(f"Nothing is written: this model is compared with {reference.source}.\n")
        elif self_test(encoder, None).problem is None:
            written = str(write_reference(encoder, settings))
    result = check_encoder(encoder, settings)
    report = asdict(encoder.info) | asdict(result) | {"compared_with": result.compared_with or _FORM_ONLY}
    sys.stdout.write(json.dumps(report | ({"written": written} if written else {}), indent=2) + "\n")
    return 1 if result.problem else 0
