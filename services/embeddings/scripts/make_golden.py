"""Writes the reference vectors that the self-test compares with, computed by sentence-transformers in float32.

python scripts/make_golden.py                                   # all-MiniLM-L6-v2, from its PyPI package
python scripts/make_golden.py MODEL FOLDER_OR_ID OUTPUT.json    # any other, for ASKMESH_EMBEDDINGS_GOLDEN
"""

import sys
from pathlib import Path

import askmesh_embeddings
import numpy as np
from askmesh_embeddings.encoders import minilm
from askmesh_embeddings.golden import TEXTS, Golden


def main(model: str, folder: str, output: Path) -> None:
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(folder, device="cpu", trust_remote_code=False)
    vectors = reference.encode(TEXTS, batch_size=1, normalize_embeddings=True, convert_to_numpy=True)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(
        Golden(model, TEXTS, vectors.astype(np.float32), reference.max_seq_length).write(), encoding="utf-8"
    )


if __name__ == "__main__":
    if len(sys.argv) == 4:
        main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    else:
        package = Path(askmesh_embeddings.__file__).parent
        name = minilm.MODEL.replace("/", "--")
        main(minilm.MODEL, str(minilm.locate_package()), package / "golden" / f"{name}.json")
