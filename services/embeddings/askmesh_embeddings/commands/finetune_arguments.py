"""What `finetune` takes, apart from what it needs: `--help` loads nothing heavy."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `finetune` takes."""
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--pairs", type=Path, help="JSON Lines or CSV with question and passage")
    given.add_argument("--documents", type=Path, help="JSON Lines with header and text: pairs are made of them")
    given.add_argument(
        "--index", help="URL of a learned collection's index, http://…/indexes/NAME: pairs are made of it"
    )
    parser.add_argument(
        "--namespace", default="", help="the collection in that index; a key is read from ASKMESH_API_KEY"
    )
    parser.add_argument("--base", help="model id or folder to start from (default: all-MiniLM-L6-v2 from PyPI)")
    parser.add_argument("--out", type=Path, required=True, help="folder to make; OUT/onnx is the export for serving")
    parser.add_argument("--test", type=Path, help="JSON Lines of {question, gold: [{path, line_start, line_end}]}")
    parser.add_argument("--held-out", type=float, default=0.1, help="share of pairs to measure with (%(default)s)")
    parser.add_argument("--max-pairs", type=int, help="train on a random choice of so many")
    parser.add_argument("--epochs", type=float, default=1.0, help="passes over the pairs (%(default)s)")
    parser.add_argument("--batch", type=int, default=32, help="pairs per step (%(default)s)")
    parser.add_argument("--learning-rate", type=float, default=2e-5, help="(%(default)s)")
    parser.add_argument("--max-tokens", type=int, default=128, help="of a passage read in training (%(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="(%(default)s)")
