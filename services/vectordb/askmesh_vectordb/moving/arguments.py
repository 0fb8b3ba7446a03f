"""The arguments of the moving commands; this loads nothing, so that `--help` is quick."""

import argparse
from pathlib import Path

_STORES = (
    "STORE: local:/folder, postgres://user@host/database, qdrant:http://host:6333, chroma:http://host:8000, "
    "redis://host:6379, pinecone:, https://host (any server that speaks Pinecone's API), or package.module:factory. "
    "What a STORE does not say, its password for one, is taken from ASKMESH_VECTORDB_… "
    "Exit status: 0 done and verified, 1 done but not equal, 2 could not be done, 130 interrupted (run it again to go on)."
)
COMMANDS = ("copy", "export", "import", "move")


def add_parsers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    copy = commands.add_parser(
        "copy", help="copy records from one store to another, and verify", description="Copy records.", epilog=_STORES
    )
    copy.add_argument("--from", dest="source", metavar="STORE", required=True)
    copy.add_argument("--to", dest="target", metavar="STORE", required=True)
    _selection(copy)
    _writing(copy)
    _key(copy, "from", "source_key")
    _key(copy, "to", "target_key")

    export = commands.add_parser(
        "export", help="write an index with its vectors to a Parquet file", description="Export.", epilog=_STORES
    )
    export.add_argument("file", type=Path, help="the Parquet file to write")
    export.add_argument("--from", dest="source", metavar="STORE", help="default: the service's own store")
    export.add_argument("--index", required=True)
    export.add_argument("--namespace", help="this namespace only; '' is the default one")
    export.add_argument("--overwrite", action="store_true", help="replace a file that exists")
    _key(export, "from", "source_key")

    importing = commands.add_parser(
        "import",
        help="read a Parquet file that export wrote into a store, and verify",
        description="Import.",
        epilog=_STORES,
    )
    importing.add_argument("file", type=Path, help="the Parquet file to read")
    importing.add_argument("--to", dest="target", metavar="STORE", help="default: the service's own store")
    importing.add_argument("--as", dest="rename", metavar="NAME", help="name of the index at the target")
    importing.add_argument("--namespace", help="this namespace only; '' is the default one")
    _writing(importing)
    _key(importing, "to", "target_key")

    move = commands.add_parser(
        "move",
        help="move a running service's records to another store while it is used",
        description="Begin a live move and follow it; cut over, roll back or finish the one that is under way.",
        epilog="Interrupting it does not stop a move: that goes on in the service, even after a restart.",
    )
    move.add_argument(
        "action",
        choices=["begin", "follow", "status", "cut-over", "roll-back", "finish", "all"],
        help="all: begin, cut over as soon as the stores are equal, and finish",
    )
    move.add_argument("--to", metavar="NAME", help="the store: local, postgres, …, or a name of MOVE_TARGETS")
    move.add_argument("--replace", action="store_true", help="replace records that the target holds already")
    move.add_argument("--service", metavar="URL", help="default: this machine, at ASKMESH_VECTORDB_PORT")
    move.add_argument("--key-env", metavar="VARIABLE", help="environment variable that holds an admin key")


def _selection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--index", help="this index only (default: all)")
    parser.add_argument("--as", dest="rename", metavar="NAME", help="name of that index at the target")
    parser.add_argument("--namespace", help="this namespace only; '' is the default one (default: all)")


def _writing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and check that it could be")
    parser.add_argument("--merge", action="store_true", help="add to namespaces that hold records, replacing equal ids")
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="where to note progress (default: a file here)")
    parser.add_argument("--page-size", type=_positive, default=500, metavar="N", help="records at a time (default 500)")
    parser.add_argument(
        "--samples", type=int, default=20, metavar="N", help="queries compared per namespace (default 20)"
    )
    parser.add_argument(
        "--min-overlap", type=float, default=0.9, metavar="SHARE", help="of the top 10 that must agree (default 0.9)"
    )


def _key(parser: argparse.ArgumentParser, side: str, name: str) -> None:
    help_text = f"environment variable that holds the API key of the {'source' if side == 'from' else 'target'}"
    parser.add_argument(f"--{side}-key-env", dest=name, metavar="VARIABLE", help=help_text)


def _positive(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 10_000:
        raise argparse.ArgumentTypeError("use 1 to 10000")
    return value
