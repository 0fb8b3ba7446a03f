"""The self-test: a loaded encoder must reproduce stored vectors, else it is not the model it claims to be.

Wrong pooling, random weights, a wrong tokenizer or a broken runtime all give vectors that look fine and find nothing.
"""

import base64
import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from askmesh_embeddings.encoders.base import Encoder, Vectors

# bf16 stays above .9998 on MiniLM; CLS instead of mean pooling gives about .7.
LEAST_COSINE = 0.999


@dataclass(frozen=True)
class Golden:
    """Texts and their unit vectors, float32 [n, dim], as sentence-transformers computes them in float32."""

    model: str
    texts: list[str]
    vectors: Vectors

    @classmethod
    def read(cls, content: str) -> "Golden":
        data = json.loads(content)
        raw = [np.frombuffer(base64.b64decode(vector), dtype="<f4") for vector in data["vectors"]]
        return cls(data["model"], data["texts"], np.stack(raw))

    def write(self) -> str:
        encoded = [base64.b64encode(vector.astype("<f4").tobytes()).decode() for vector in self.vectors]
        return json.dumps({"model": self.model, "texts": self.texts, "vectors": encoded}, ensure_ascii=False, indent=1)


@dataclass(frozen=True)
class SelfTest:
    """`problem` is None when all is well. Without reference vectors only the form of the output was checked."""

    problem: str | None
    least_cosine: float | None
    compared_with: str | None = None


def golden_for(model: str, path: Path | None = None) -> Golden | None:
    """The reference vectors at `path`, else those shipped for `model`, if any."""
    if path:
        return Golden.read(path.read_text(encoding="utf-8"))
    shipped = files("askmesh_embeddings") / "golden" / f"{model.replace('/', '--')}.json"
    return Golden.read(shipped.read_text(encoding="utf-8")) if shipped.is_file() else None


def self_test(encoder: Encoder, golden: Golden | None) -> SelfTest:
    """Encode and compare. Also the warm-up: the first calls of most runtimes are slow."""
    texts = golden.texts if golden else ["How do I read a file?", "Open the file in text mode, read it, and close it."]
    tokens = encoder.tokenize(texts, None, truncate=True)
    alone = np.concatenate([encoder.encode([each]) for each in tokens])
    together = encoder.encode(tokens)
    for vectors in (alone, together):
        if problem := _malformed(vectors, (len(texts), encoder.info.dimension)):
            return SelfTest(problem, None)
    if golden is None:
        return SelfTest(None, None)
    if golden.vectors.shape[1] != encoder.info.dimension:
        return SelfTest(f"the reference vectors have {golden.vectors.shape[1]} dimensions", None)
    least = min(float((vectors * golden.vectors).sum(axis=1).min()) for vectors in (alone, together))
    if least < LEAST_COSINE:
        return SelfTest(f"cosine {least:.4f} to the reference vectors, {LEAST_COSINE} is needed", least)
    return SelfTest(None, least)


def _malformed(vectors: Vectors, shape: tuple[int, int]) -> str | None:
    if vectors.shape != shape:
        return f"vectors of shape {vectors.shape}, not {shape}"
    if not np.isfinite(vectors).all():
        return "vectors that are not finite"
    if np.abs(np.linalg.norm(vectors, axis=1) - 1).max() > 1e-3:
        return "vectors that are not of unit length"
    if len(vectors) > 1 and vectors.std(axis=0).max() < 1e-6:
        return "the same vector for different texts"
    return None
