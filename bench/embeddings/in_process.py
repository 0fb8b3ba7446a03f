"""Encoding with no server, each case in a process of its own: `python -m bench.embeddings.in_process CASE` prints JSON."""

import json
import sys
import time
from collections.abc import Callable
from itertools import islice
from typing import Any

from askmesh_embeddings.comparing import encode_all
from askmesh_embeddings.encoders.base import EncoderOptions
from askmesh_embeddings.encoders.minilm import locate_package
from askmesh_embeddings.encoders.registry import load_encoder

from bench.embeddings.texts import PASSAGE, QUERY, texts

SECONDS = 6.0


def main() -> None:
    """Texts per second and CPU ms per text, for queries and passages."""
    case = sys.argv[1]
    encode, per_call = CASES[case]()
    report = {}
    for kind, words in (("query", QUERY), ("passage", PASSAGE)):
        source = texts(words, seed=3)
        encode(list(islice(source, 8)))
        done, began, cpu = 0, time.perf_counter(), time.process_time()
        while (seconds := time.perf_counter() - began) < SECONDS:
            encode(list(islice(source, per_call)))
            done += per_call
        report[kind] = {
            "per_s": round(done / seconds, 2),
            "cpu_ms": round(1000 * (time.process_time() - cpu) / done, 2),
        }
    print(json.dumps(report))


def _sentence_transformers(folder: str, dtype: str, per_call: int) -> tuple[Callable[[list[str]], Any], int]:
    """Raw `SentenceTransformer.encode`, all cores."""
    import torch
    from sentence_transformers import SentenceTransformer

    kinds = {"fp32": torch.float32, "bf16": torch.bfloat16}
    model = SentenceTransformer(folder, device="cpu", model_kwargs={"dtype": kinds[dtype]})
    return lambda batch: model.encode(batch, batch_size=32), per_call


def _ours(name: str, **options: Any) -> tuple[Callable[[list[str]], Any], int]:
    encoder = load_encoder(name, EncoderOptions(**options))
    return lambda batch: encode_all(encoder, batch), 32


CASES: dict[str, Callable[[], tuple[Callable[[list[str]], Any], int]]] = {
    "sentence-transformers fp32": lambda: _sentence_transformers(str(locate_package()), "fp32", 128),
    "sentence-transformers bf16": lambda: _sentence_transformers(str(locate_package()), "bf16", 128),
    "our encoder, 1 thread": lambda: _ours("minilm"),
    "our encoder, 2 threads": lambda: _ours("minilm", threads_per_lane=2),
    "large fp32": lambda: _ours("sentence-transformers", model=sys.argv[2], dtype="fp32", threads_per_lane=2),
    "large bf16": lambda: _ours("sentence-transformers", model=sys.argv[2], dtype="bf16", threads_per_lane=2),
}

if __name__ == "__main__":
    main()
