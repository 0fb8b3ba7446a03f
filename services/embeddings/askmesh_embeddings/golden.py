"""The self-test: a loaded encoder must reproduce stored vectors, else it is not the model it claims to be.

Wrong pooling, random weights, a wrong tokenizer or a broken runtime all give vectors that look fine and find nothing.
"""

import base64
import json
from dataclasses import dataclass

import numpy as np

from askmesh_embeddings.encoders.base import Encoder, Tokens, Vectors

# bf16 stays above .9998 on MiniLM; CLS instead of mean pooling gives about .7.
LEAST_COSINE = 0.999

# Prose, code, several scripts, odd characters, and lengths from one word to beyond MiniLM's limit.
TEXTS = [
    "How do I read a whole text file into a string with pathlib?",
    "Path.read_text(encoding=None, errors=None)\nOpen the file in text mode, read it, and close the file.",
    "What is the boiling point of tungsten?",
    "ok",
    "def median(values: list[float]) -> float:\n    ordered = sorted(values)\n    return ordered[len(ordered) // 2]",
    "Wie starte ich den Dienst neu? Größe, Straße, façade, naïve.",
    "東京は日本の首都です。",
    "🙂 emoji, tabs\tand   spaces … and “quotes” — with dashes",
    "https://example.org/docs/api/v2#section-4.2?x=1&y=%20",
    "WARNING 2024-05-01T12:00:00Z worker[17] exited with status 137 (out of memory)",
    " ".join(f"Item {number}: the quick brown fox jumps over the lazy dog." for number in range(16)),
    " ".join(["asyncio tasks are cancelled by raising CancelledError inside the coroutine."] * 40),
]


@dataclass(frozen=True)
class Golden:
    """Texts and their unit vectors, float32 [n, dim], and the length in tokens at which the texts were cut."""

    model: str
    texts: list[str]
    vectors: Vectors
    max_tokens: int | None = None
    fingerprint: str | None = None
    # Lower for int8, whose vectors move with the texts they are batched with.
    least_cosine: float = LEAST_COSINE

    @classmethod
    def read(cls, content: str) -> "Golden":
        data = json.loads(content)
        raw = [np.frombuffer(base64.b64decode(vector), dtype="<f4") for vector in data.pop("vectors")]
        return cls(vectors=np.stack(raw), **data)

    def write(self) -> str:
        encoded = [base64.b64encode(vector.astype("<f4").tobytes()).decode() for vector in self.vectors]
        return json.dumps(vars(self) | {"vectors": encoded}, ensure_ascii=False, indent=1) + "\n"


def record(encoder: Encoder, least_cosine: float = LEAST_COSINE) -> Golden:
    """The vectors that `encoder` gives now, each text encoded alone."""
    tokens = encoder.tokenize(TEXTS, None, truncate=True)
    vectors = np.concatenate([encoder.encode([each]) for each in tokens])
    info = encoder.info
    return Golden(info.model, TEXTS, vectors, info.max_input_tokens, info.fingerprint, least_cosine)


@dataclass(frozen=True)
class SelfTest:
    """`problem` is None when all is well. `compared_with` None: there were no reference vectors, and only the form of
    the output was checked."""

    problem: str | None
    least_cosine: float | None
    compared_with: str | None = None


def self_test(encoder: Encoder, golden: Golden | None, source: str = "reference vectors") -> SelfTest:
    """Encode and compare. Also the warm-up: the first calls of most runtimes are slow."""
    texts = golden.texts if golden else TEXTS[:2]
    tokens = encoder.tokenize(texts, None, truncate=True)
    alone = np.concatenate([encoder.encode([each]) for each in tokens])
    together = encoder.encode(tokens)
    for vectors in (alone, together):
        if problem := _malformed(vectors, (len(texts), encoder.info.dimension)):
            return SelfTest(problem, None)
    if golden is None:
        return SelfTest(None, None)
    if golden.vectors.shape[1] != encoder.info.dimension:
        return SelfTest(f"the {source} have {golden.vectors.shape[1]} dimensions", None, source)
    kept = _cut_alike(encoder, golden, tokens)
    expected = golden.vectors[kept]
    least = min(float((vectors[kept] * expected).sum(axis=1).min()) for vectors in (alone, together))
    # Not `<`: a cosine that is not a number must not pass.
    if not least >= golden.least_cosine:
        return SelfTest(f"cosine {least:.4f} to the {source}, {golden.least_cosine} is needed", least, source)
    return SelfTest(None, least, source)


def _cut_alike(encoder: Encoder, golden: Golden, tokens: list[Tokens]) -> list[int]:
    """The texts that the encoder cuts where they were cut for the references, or not at all."""
    limit, then = encoder.info.max_input_tokens, golden.max_tokens
    if then is None or then == limit:
        return list(range(len(tokens)))
    whole = encoder.tokenize(golden.texts, None, truncate=False)
    return [position for position, ids in enumerate(whole) if len(ids) <= min(limit, then)]


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
