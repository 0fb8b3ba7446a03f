"""How near two encoders' vectors are, on real texts that every machine has: the standard library's docstrings."""

import importlib
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from askmesh_embeddings.encoders.base import Encoder, Vectors

_MODULES = [
    "argparse",
    "asyncio",
    "collections",
    "contextlib",
    "csv",
    "datetime",
    "email.message",
    "functools",
    "heapq",
    "http.client",
    "itertools",
    "json",
    "logging",
    "pathlib",
    "random",
    "re",
    "shutil",
    "socket",
    "sqlite3",
    "statistics",
    "string",
    "subprocess",
    "tempfile",
    "textwrap",
    "threading",
    "unittest",
    "urllib.request",
    "zipfile",
]
_BATCH = 16
NEIGHBOURS = 10


@dataclass(frozen=True)
class Agreement:
    """Cosine of each text's two vectors, and how many of a text's ten nearest others are the same in both."""

    texts: int
    least_cosine: float
    mean_cosine: float
    top10_overlap: float


def real_texts(count: int) -> list[str]:
    """The first `count` docstrings of some standard modules, in a fixed order."""
    texts = dict.fromkeys(text for name in _MODULES for text in _docstrings(name))
    return list(texts)[:count]


def encode_all(encoder: Encoder, texts: Sequence[str]) -> Vectors:
    """float32 [len(texts), dim], cut to the encoder's limit, batched by length."""
    tokens = encoder.tokenize(texts, None, truncate=True)
    vectors = np.empty((len(texts), encoder.info.dimension), dtype=np.float32)
    by_length = sorted(range(len(texts)), key=lambda position: len(tokens[position]))
    for start in range(0, len(texts), _BATCH):
        positions = by_length[start : start + _BATCH]
        vectors[positions] = encoder.encode([tokens[position] for position in positions])
    return vectors


def agreement(first: Vectors, second: Vectors) -> Agreement:
    """Compare unit vectors of the same texts, float32 [n, dim] each, n above ten."""
    cosines = (first * second).sum(axis=1)
    nearest = [_nearest(vectors) for vectors in (first, second)]
    shared = [len(set(a) & set(b)) / NEIGHBOURS for a, b in zip(*nearest, strict=True)]
    return Agreement(len(first), float(cosines.min()), float(cosines.mean()), float(np.mean(shared)))


def _nearest(vectors: Vectors) -> list[list[int]]:
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -2)
    rows: list[list[int]] = np.argsort(-similarity, axis=1, kind="stable")[:, :NEIGHBOURS].tolist()
    return rows


def _docstrings(module: str) -> Iterator[str]:
    loaded = importlib.import_module(module)
    for name, member in sorted(vars(loaded).items()):
        if name.startswith("_") or not (inspect.isclass(member) or inspect.isroutine(member)):
            continue
        inner = vars(member).values() if inspect.isclass(member) else ()
        for each in (member, *inner):
            text = inspect.getdoc(each) if callable(each) else None
            if text and len(text) > 60:
                yield text
