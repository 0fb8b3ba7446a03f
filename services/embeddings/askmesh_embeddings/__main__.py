"""`askmesh-embeddings`: serve, print the OpenAPI document, test, export, fine-tune and measure models."""

import argparse
import sys
from importlib import import_module

from askmesh_kit.command_line import settings_explained

_SETTINGS = "Settings come from ASKMESH_EMBEDDINGS_… variables."


def main(arguments: list[str] | None = None) -> int:
    """The exit status of the command line."""
    options = _parser().parse_args(arguments)
    with settings_explained("ASKMESH_EMBEDDINGS_"):
        # Imported by name: each command loads only what it needs.
        status: int = import_module(f"askmesh_embeddings.commands.{options.module}").run(options)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="askmesh-embeddings", description=f"Text to vectors over OpenAI's and TEI's APIs. {_SETTINGS}"
    )
    parser.set_defaults(module="serve")
    commands = parser.add_subparsers(title="commands (default: serve)", metavar="COMMAND")

    def command(name: str, summary: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}. {_SETTINGS}")
        added.set_defaults(module=name.replace("-", "_"))
        return added

    command("serve", "answer requests")
    command("openapi", "print the API's description")
    selftest = command("selftest", "compare the configured model with its reference vectors; exit 1 on a mismatch")
    selftest.add_argument("--write", action="store_true", help="store its vectors, to be compared with from now on")
    export = command("export-onnx", "write a sentence-transformers model as a folder that needs no torch to serve")
    export.add_argument("model", metavar="MODEL", help="id or folder")
    export.add_argument("out", metavar="OUT", help="folder to make")
    export.add_argument("--int8", action="store_true", help="quantise weights to 8 bits; its cost is printed")
    finetune = command("finetune", "train a model on pairs of question and passage; say what it changed")
    import_module("askmesh_embeddings.commands.finetune_arguments").add_arguments(finetune)
    command("bench", "measure the configured encoder's speed in this process")
    return parser


if __name__ == "__main__":
    sys.exit(main())
