"""`python -m evals.scifact [--data FOLDER] [--url URL] [--parity N]`, from the repository's root: nDCG@10 of SciFact with
the embeddings service's model, through its HTTP API (all-MiniLM-L6-v2 is published at 0.645), and of hybrid search."""

import argparse
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np

from evals.scifact import dataset, hybrid
from evals.scifact.service import embed, model, service

EVALS = Path(__file__).resolve().parent.parent
PUBLISHED = {"sentence-transformers/all-MiniLM-L6-v2": 0.645}
TOLERANCE = 0.01


def main() -> int:
    """0 where the figure is the published one or there is none, 1 where it is not; 0 and a reason without the data."""
    parser = argparse.ArgumentParser(description=__doc__)
    shared = EVALS.parent.parent / "shared" / "data" / "ir-scifact"
    parser.add_argument("--data", type=Path, default=shared, help="SciFact in BEIR's layout (%(default)s)")
    parser.add_argument("--url", help="a running service (default: one is started)")
    parser.add_argument(
        "--parity", type=int, default=0, metavar="N", help="also compare N abstracts' vectors with torch's"
    )
    parser.add_argument("--out", type=Path, default=EVALS / "results", help="where the result goes (%(default)s)")
    arguments = parser.parse_args()
    if not (arguments.data / "qrels" / "test.tsv").exists():
        print(f"Skipped: SciFact is not at {arguments.data}. Get BEIR's scifact.zip, unpack it and say --data FOLDER.")
        return 0
    result = measure(dataset.read(arguments.data), arguments.url, arguments.parity)
    expected = PUBLISHED.get(result["model"]["id"])
    result["published"] = expected
    path = write(arguments.out, result)
    print(json.dumps(result, indent=1))
    print(f"Written to {path}")
    return int(expected is not None and abs(result["ndcg@10"] - expected) > TOLERANCE)


def measure(data: dataset.SciFact, url: str | None, parity: int) -> dict[str, Any]:
    """Embed abstracts and claims, rank by cosine, and score the best hundred; then rank by `/search` and the bot."""
    abstracts, claims = list(data.abstracts), list(data.claims)
    with service(url) as client:
        began = time.perf_counter()
        passages = embed(client, list(data.abstracts.values()), "document")
        seconds = time.perf_counter() - began
        queries = embed(client, list(data.claims.values()), "query")
        served = model(client)
    similarity = queries @ passages.T
    run = {
        claim: {abstracts[place]: float(row[place]) for place in np.argsort(-row, kind="stable")[:100]}
        for claim, row in zip(claims, similarity, strict=True)
    }
    scores = ir_measures.calc_aggregate([ir_measures.nDCG @ 10, ir_measures.R @ 100], data.relevant, run)
    print(f"nDCG@10 {scores[ir_measures.nDCG @ 10]:.4f}", flush=True)
    ordered = hybrid.measure(data, passages, queries)
    result = {
        "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}",
        "model": served,
        "abstracts": len(abstracts),
        "claims": len(claims),
        "ndcg@10": round(scores[ir_measures.nDCG @ 10], 4),
        "recall@100": round(scores[ir_measures.R @ 100], 4),
        **ordered,
        "abstracts_per_s": round(len(abstracts) / seconds, 1),
        "cpus": os.cpu_count(),
    }
    return result | ({"parity": _parity(list(data.abstracts.values())[:parity], passages)} if parity else {})


def _parity(texts: list[str], served: "np.ndarray[Any, Any]") -> dict[str, Any]:
    """The least and mean cosine to sentence-transformers' own vectors in float32."""
    from askmesh_embeddings.encoders.minilm import locate_package
    from sentence_transformers import SentenceTransformer

    vectors = SentenceTransformer(str(locate_package()), device="cpu").encode(texts, normalize_embeddings=True)
    cosines = (vectors * served[: len(texts)]).sum(axis=1)
    return {"texts": len(texts), "least_cosine": float(cosines.min()), "mean_cosine": float(cosines.mean())}


def write(folder: Path, result: dict[str, Any]) -> Path:
    """The dated result as JSON and Markdown. Returns the Markdown file's path."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"{datetime.now(UTC):%Y-%m-%d}-scifact"
    stem.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    rows = [(key, value) for key, value in result.items() if not isinstance(value, dict)]
    rows += [(f"{key} {inner}", value) for key in ("model", "parity") for inner, value in result.get(key, {}).items()]
    lines = [f"# SciFact, {datetime.now(UTC):%Y-%m-%d}", "", "| | |", "|---|---|"]
    lines += [f"| {key} | {value} |" for key, value in rows]
    stem.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return stem.with_suffix(".md")


if __name__ == "__main__":
    raise SystemExit(main())
