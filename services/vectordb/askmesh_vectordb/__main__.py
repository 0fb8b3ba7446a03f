"""`askmesh-vectordb`: serve the API, or print its OpenAPI document."""

import argparse
import json
import os
import sys


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="askmesh-vectordb",
        description="A vector database service that speaks Pinecone's API.",
        epilog="Settings come from ASKMESH_VECTORDB_… variables and .env; the README lists them.",
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    commands.add_parser("serve", help="serve the API (the default)")
    commands.add_parser("openapi", help="print the OpenAPI document")
    command = parser.parse_args(arguments).command or "serve"
    # numpy's BLAS reads this once, when it is loaded. A search is bound by memory, not by cores: with more threads a
    # scan gains little alone and loses much in company (measured: 0.06 ms became 12 ms).
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _openapi() if command == "openapi" else _serve()


def _serve() -> None:
    from askmesh_kit.server import serve

    from askmesh_vectordb.app import create_app
    from askmesh_vectordb.settings import Settings

    serve(create_app, Settings(), "vectordb")


def _openapi() -> None:
    from askmesh_vectordb.app import create_app

    json.dump(create_app().openapi(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
