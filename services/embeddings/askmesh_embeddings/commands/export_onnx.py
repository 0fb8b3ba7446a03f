"""Write a sentence-transformers model as a folder that needs no torch to serve."""

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

from askmesh_embeddings.encoders.base import EncoderError
from askmesh_embeddings.settings import Settings

_INT8_WARNING = (
    "WARNING: int8 changes the vectors, with their batch and the CPU too. The figures above are its cost in nearest "
    "neighbours; measure retrieval before you use it. Its vectors cannot share an index with the original's.\n"
)


def run(options: argparse.Namespace) -> int:
    try:
        # Only this command needs torch.
        from askmesh_embeddings.exporting import export
    except ImportError as error:
        sys.stderr.write(f"{error}. pip install 'askmesh-embeddings[sentence-transformers]'\n")
        return 1
    wanted = replace(Settings().encoder_options, model=options.model)
    try:
        done = export(wanted, Path(options.out), int8=options.int8)
    except (EncoderError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    report = {"folder": str(done.folder), "fingerprint": done.fingerprint} | asdict(done.agreement)
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    if options.int8:
        sys.stderr.write(_INT8_WARNING)
    sys.stderr.write(
        f"Serve it: ASKMESH_EMBEDDINGS_ENCODER=onnx (or openvino) ASKMESH_EMBEDDINGS_MODEL={done.folder}\n"
    )
    return 0
