"""`askmesh-embeddings export-onnx`: any sentence-transformers model as a folder that needs no torch to serve.

Needs the extra `sentence-transformers`. The graph holds the whole model: transformer, pooling, dense layers and
normalisation.
"""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from askmesh_embeddings.comparing import Agreement, agreement, encode_all, real_texts
from askmesh_embeddings.encoders.base import EncoderOptions
from askmesh_embeddings.encoders.fingerprint import fingerprint, hash_files
from askmesh_embeddings.encoders.onnx_folder import GRAPH, REFERENCES, TOKENIZER, Manifest, OnnxEncoder
from askmesh_embeddings.encoders.sentence_transformers import SentenceTransformersEncoder
from askmesh_embeddings.golden import LEAST_COSINE, record

OPSET = 17
# int8 vectors move with their batch and their CPU: a looser bound still tells another model from this one.
INT8_LEAST_COSINE = 0.9
_ANY_LENGTH = 1_000_000


@dataclass(frozen=True)
class Exported:
    """Where the folder is, and how near its vectors are to the original's."""

    folder: Path
    fingerprint: str
    agreement: Agreement


class _Whole(torch.nn.Module):
    """All modules as one function of ids and mask."""

    def __init__(self, modules: Any) -> None:
        super().__init__()
        self.parts = torch.nn.ModuleList(list(modules))

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        features: dict[str, Any] = {"input_ids": input_ids, "attention_mask": attention_mask}
        for part in self.parts:
            features = part(features)
        return torch.nn.functional.normalize(features["sentence_embedding"], dim=1)


def export(options: EncoderOptions, out: Path, *, int8: bool = False) -> Exported:
    """Write `out`, whole or not at all, and compare it with the original. Raises EncoderError, FileExistsError."""
    if out.exists():
        raise FileExistsError(f"{out} exists already")
    options = replace(options, dtype="fp32", device="cpu", max_input_tokens=options.max_input_tokens or _ANY_LENGTH)
    original = SentenceTransformersEncoder(options, to_serve=False)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}") as scratch:
        folder = Path(scratch) / out.name
        folder.mkdir()
        _write_graph(original, folder / GRAPH, int8=int8)
        (folder / TOKENIZER).write_text(original.tokenizer_definition, encoding="utf-8")
        manifest = _manifest(original, folder, int8=int8)
        manifest.write(folder)
        exported = OnnxEncoder(replace(options, model=str(folder), max_input_tokens=None))
        # Float graphs answer for the original's vectors; int8 ones can only answer for their own.
        golden = record(exported, INT8_LEAST_COSINE) if int8 else record(original, LEAST_COSINE)
        (folder / REFERENCES).write_text(golden.write(), encoding="utf-8")
        texts = real_texts(400)
        result = agreement(encode_all(original, texts), encode_all(exported, texts))
        shutil.move(folder, out)
    return Exported(out, manifest.fingerprint, result)


def _manifest(original: SentenceTransformersEncoder, folder: Path, *, int8: bool) -> Manifest:
    info, graph = original.info, hash_files(folder / GRAPH)
    quantised = fingerprint(model=info.model, weights=graph, pooling=info.pooling, normalised=True, family="int8")
    return Manifest(
        model=info.model,
        dimension=info.dimension,
        max_input_tokens=info.max_input_tokens,
        pad_id=original.pad_id,
        pooling=info.pooling,
        prompts={name or "": original.prompt(name) for name in (None, "query", "document")},
        fingerprint=quantised if int8 else info.fingerprint,
        family="int8" if int8 else "float",
        graph_sha256=graph,
    )


def _write_graph(original: SentenceTransformersEncoder, path: Path, *, int8: bool) -> None:
    # Two texts of different length, so that neither the batch nor the mask is traced away as a constant.
    ids = torch.ones(2, 12, dtype=torch.int64)
    mask = torch.ones_like(ids)
    mask[1, 7:] = 0
    with _quiet(), torch.no_grad():
        # The newer exporter needs onnxscript, another dependency, and gives the same vectors.
        torch.onnx.export(
            _Whole(original.modules).eval(),
            (ids, mask),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["embedding"],
            dynamic_axes={
                "input_ids": {0: "batch", 1: "length"},
                "attention_mask": {0: "batch", 1: "length"},
                "embedding": {0: "batch"},
            },
            opset_version=OPSET,
            dynamo=False,
        )
        if int8:
            from onnxruntime.quantization import QuantType, quantize_dynamic

            whole = path.with_suffix(".float.onnx")
            path.rename(whole)
            quantize_dynamic(whole, path, weight_type=QuantType.QInt8)
            whole.unlink()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's warnings about its own age and about branches that tracing fixes: the comparison tells."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
