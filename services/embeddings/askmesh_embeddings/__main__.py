"""`askmesh-embeddings`: serve, print the OpenAPI document, test the model."""

import argparse
import json
import sys


def main(arguments: list[str] | None = None) -> int:
    """The exit status of the command line."""
    parser = argparse.ArgumentParser(
        prog="askmesh-embeddings",
        description="Text to vectors over OpenAI's and TEI's APIs. Settings come from ASKMESH_EMBEDDINGS_… variables.",
    )
    parser.add_argument(
        "command",
        nargs="?",
        default="serve",
        choices=["serve", "openapi", "selftest"],
        help="serve (default): answer requests; openapi: print the API's description; "
        "selftest: load the configured model, compare it with its reference vectors, exit 1 on a mismatch",
    )
    command = parser.parse_args(arguments).command
    return {"serve": _serve, "openapi": _openapi, "selftest": _selftest}[command]()


def _serve() -> int:
    from askmesh_kit.server import serve

    from askmesh_embeddings.app import create_app
    from askmesh_embeddings.settings import Settings

    serve(create_app, Settings(), "embeddings")
    return 0


def _openapi() -> int:
    from askmesh_embeddings.app import create_app

    sys.stdout.write(json.dumps(create_app().openapi(), indent=2, ensure_ascii=False) + "\n")
    return 0


def _selftest() -> int:
    from dataclasses import asdict

    from askmesh_embeddings.encoders.base import EncoderError
    from askmesh_embeddings.encoders.registry import load_encoder
    from askmesh_embeddings.golden import golden_for, self_test
    from askmesh_embeddings.settings import Settings

    settings = Settings()
    try:
        encoder = load_encoder(settings.encoder, settings.encoder_options)
    except EncoderError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    golden = golden_for(encoder.info.model, settings.golden)
    result = self_test(encoder, golden)
    report = asdict(encoder.info) | asdict(result) | {"reference_texts": len(golden.texts) if golden else 0}
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return 1 if result.problem else 0


if __name__ == "__main__":
    sys.exit(main())
