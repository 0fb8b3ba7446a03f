"""A folder that `askmesh-embeddings export-onnx` made: graph, tokenizer, manifest and reference vectors. No torch."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import ClassVar

from askmesh_embeddings.encoders.base import (
    Dtype,
    Encoder,
    EncoderError,
    EncoderInfo,
    EncoderOptions,
    InputType,
    Piece,
    Tokens,
    Vectors,
)
from askmesh_embeddings.encoders.fingerprint import hash_files
from askmesh_embeddings.encoders.hardware import CPU_MAX_TOKENS
from askmesh_embeddings.encoders.runtimes.base import load_runtime
from askmesh_embeddings.encoders.tokenizing import TextTokenizer, pad, unit

GRAPH, TOKENIZER, MANIFEST, REFERENCES = "model.onnx", "tokenizer.json", "askmesh.json", "golden.json"
FORMAT = 1


@dataclass(frozen=True)
class Manifest:
    """What the folder holds. `prompts` are those for no input type (""), "query" and "document"."""

    model: str
    dimension: int
    max_input_tokens: int
    pad_id: int
    pooling: str
    prompts: dict[str, str]
    fingerprint: str
    family: str
    graph_sha256: str
    format: int = FORMAT

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Raises EncoderError."""
        try:
            manifest = cls(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise EncoderError(f"{folder} is no exported model: {error}.", _EXPORT) from error
        if manifest.format != FORMAT:
            raise EncoderError(f"{folder} has format {manifest.format}, this version reads {FORMAT}.", _EXPORT)
        return manifest

    def write(self, folder: Path) -> None:
        (folder / MANIFEST).write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


_EXPORT = "Make it with: askmesh-embeddings export-onnx MODEL FOLDER"


class OnnxEncoder(Encoder):
    """The graph in onnxruntime. Pooling, dense layers and normalisation are part of it."""

    runtime: ClassVar[str] = "onnxruntime"

    def __init__(self, options: EncoderOptions) -> None:
        if not options.model:
            raise EncoderError("No folder is set.", f"Set MODEL to an exported one. {_EXPORT}")
        folder = Path(options.model)
        manifest = Manifest.read(folder)
        if hash_files(folder / GRAPH) != manifest.graph_sha256:
            raise EncoderError(f"{folder / GRAPH} is not the graph that was exported.", "Export the model again.")
        self._runtime = load_runtime(str(folder / GRAPH), replace(options, runtime=self.runtime))
        wanted = options.max_input_tokens or CPU_MAX_TOKENS
        max_tokens = min(wanted, manifest.max_input_tokens)
        self._tokenizer = TextTokenizer((folder / TOKENIZER).read_text(encoding="utf-8"), max_tokens)
        self._manifest = manifest
        self.references = folder / REFERENCES
        self.info = EncoderInfo(
            model=manifest.model,
            dimension=manifest.dimension,
            max_input_tokens=max_tokens,
            fingerprint=manifest.fingerprint,
            dtype=_dtype(manifest, self._runtime.dtype),
            pooling=manifest.pooling,
            runtime=self._runtime.name,
            dimensions=options.dimensions,
            lanes=options.lanes,
        )

    def tokenize(self, texts: Sequence[str], input_type: InputType | None, *, truncate: bool) -> list[Tokens]:
        return self._tokenizer(self._prompted(texts, input_type), truncate=truncate)

    def pieces(self, texts: Sequence[str], input_type: InputType | None, *, special_tokens: bool) -> list[list[Piece]]:
        return self._tokenizer.pieces(self._prompted(texts, input_type), special_tokens=special_tokens)

    def encode(self, batch: Sequence[Tokens]) -> Vectors:
        return unit(self._runtime.run(*pad(batch, self._manifest.pad_id)))

    def _prompted(self, texts: Sequence[str], input_type: InputType | None) -> Sequence[str]:
        prompt = self._manifest.prompts.get(input_type or "", "")
        return [prompt + text for text in texts] if prompt else texts


class OpenVinoEncoder(OnnxEncoder):
    """The same folder in OpenVINO: the fastest on CPUs that compute in bfloat16."""

    runtime: ClassVar[str] = "openvino"


def _dtype(manifest: Manifest, computed: Dtype) -> Dtype:
    return "int8" if manifest.family == "int8" else computed
