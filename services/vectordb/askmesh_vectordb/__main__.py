"""`askmesh-vectordb`: serve the API, print its OpenAPI document, look after the local store's files."""

import argparse
import json
import os
import sys
from pathlib import Path

from askmesh_kit.command_line import settings_explained

from askmesh_vectordb.moving import arguments as moving

_MAINTENANCE = {
    "check": "compare vectors, metadata and full text of every index; says what is wrong and exits with 1",
    "repair": "check, and derive anew what follows from the records",
    "backup": "write everything into one file, while the service runs",
    "restore": "put a backup into an empty folder",
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="askmesh-vectordb",
        description="A vector database service that speaks Pinecone's API.",
        epilog="Settings come from ASKMESH_VECTORDB_… variables and .env; the README lists them.",
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    commands.add_parser("serve", help="serve the API (the default)")
    commands.add_parser("openapi", help="print the OpenAPI document")
    for name, what in _MAINTENANCE.items():
        sub = commands.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".")
        sub.add_argument("--data-path", type=Path, help="folder of the local store (ASKMESH_VECTORDB_DATA_PATH)")
        if name in ("backup", "restore"):
            sub.add_argument("file", type=Path, help="the backup, one zip archive")
    moving.add_parsers(commands)
    given = parser.parse_args(arguments)
    with settings_explained("ASKMESH_VECTORDB_"):
        _run(given.command or "serve", given)


def _run(command: str, given: argparse.Namespace) -> None:
    # numpy's BLAS reads this once, when it is loaded. A search is bound by memory, not by cores: with more threads a
    # scan gains little alone and loses much in company (measured: 0.06 ms became 12 ms).
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if command in _MAINTENANCE:
        from askmesh_vectordb.commands import run

        raise SystemExit(run(command, given.data_path, getattr(given, "file", None)))
    if command in moving.COMMANDS:
        from askmesh_vectordb.moving.commands import run as run_moving

        raise SystemExit(run_moving(given))
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
