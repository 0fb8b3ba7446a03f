"""Writes the reference vectors that the self-test compares with, computed by sentence-transformers in float32.

python scripts/make_golden.py                                   # all-MiniLM-L6-v2, from its PyPI package
python scripts/make_golden.py MODEL FOLDER_OR_ID OUTPUT.json    # any other, for ASKMESH_EMBEDDINGS_GOLDEN
"""

import sys
from pathlib import Path

import askmesh_embeddings
import numpy as np
from askmesh_embeddings.encoders import minilm
from askmesh_embeddings.golden import Golden

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


def main(model: str, folder: str, output: Path) -> None:
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(folder, device="cpu", trust_remote_code=False)
    vectors = reference.encode(TEXTS, batch_size=1, normalize_embeddings=True, convert_to_numpy=True)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(Golden(model, TEXTS, vectors.astype(np.float32)).write() + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    else:
        package = Path(askmesh_embeddings.__file__).parent
        name = minilm.MODEL.replace("/", "--")
        main(minilm.MODEL, str(minilm.locate_package()), package / "golden" / f"{name}.json")
