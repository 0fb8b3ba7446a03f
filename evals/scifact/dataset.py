"""SciFact's abstracts, claims and judgements, in BEIR's layout."""

import csv
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class SciFact:
    """Texts by id; `relevant` maps a claim to the abstracts that bear on it and how much."""

    abstracts: dict[str, str]
    claims: dict[str, str]
    relevant: dict[str, dict[str, int]]


def read(folder: Path) -> SciFact:
    """The test split: corpus.jsonl[.gz], queries.jsonl, qrels/test.tsv. Title and abstract are one text, as in BEIR."""
    with (folder / "qrels" / "test.tsv").open(encoding="utf-8", newline="") as file:
        relevant: dict[str, dict[str, int]] = {}
        for row in csv.DictReader(file, delimiter="\t"):
            relevant.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    abstracts = {row["_id"]: f"{row['title']} {row['text']}".strip() for row in _rows(folder, "corpus.jsonl")}
    claims = {row["_id"]: row["text"] for row in _rows(folder, "queries.jsonl") if row["_id"] in relevant}
    return SciFact(abstracts, claims, relevant)


def _rows(folder: Path, name: str) -> list[dict[str, Any]]:
    packed = folder / f"{name}.gz"
    content = gzip.decompress(packed.read_bytes()) if packed.exists() else (folder / name).read_bytes()
    return [json.loads(line) for line in content.decode().splitlines()]
