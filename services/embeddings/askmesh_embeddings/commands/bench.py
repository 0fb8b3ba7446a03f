"""Measure the configured encoder in this process: no HTTP, no queue. bench/embeddings measures the service."""

import argparse
import json
import sys
import time
from dataclasses import asdict

from askmesh_embeddings.encoders.base import Encoder, EncoderError
from askmesh_embeddings.encoders.registry import load_encoder
from askmesh_embeddings.settings import Settings

_SECONDS = 3.0


def run(options: argparse.Namespace) -> int:
    settings = Settings()
    try:
        encoder = load_encoder(settings.encoder, settings.encoder_options)
    except EncoderError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    cases = {
        f"{tokens} tokens, batch of {size}": _rate(encoder, tokens, size) for tokens in (16, 240) for size in (1, 32)
    }
    sys.stdout.write(json.dumps(asdict(encoder.info) | {"texts_per_s_one_lane": cases}, indent=2) + "\n")
    return 0


def _rate(encoder: Encoder, tokens: int, size: int) -> float:
    """Texts per second in one thread."""
    (text,) = encoder.tokenize(["word " * (tokens - 2)], None, truncate=True)
    encoder.encode([text] * size)
    done, began = 0, time.perf_counter()
    while (seconds := time.perf_counter() - began) < _SECONDS:
        encoder.encode([text] * size)
        done += size
    return round(done / seconds, 1)
