"""Answer requests."""

import argparse

from askmesh_kit.server import serve

from askmesh_embeddings.app import create_app
from askmesh_embeddings.settings import Settings


def run(options: argparse.Namespace) -> int:
    serve(create_app, Settings(), "embeddings")
    return 0
