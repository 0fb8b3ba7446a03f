"""Print the API's description."""

import argparse
import json
import sys

from askmesh_embeddings.app import create_app


def run(options: argparse.Namespace) -> int:
    sys.stdout.write(json.dumps(create_app().openapi(), indent=2, ensure_ascii=False) + "\n")
    return 0
