"""SciFact's abstracts, claims and judgements, in BEIR's layout."""

import csv
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class SciFact:
    """Texts by id; `relevant` maps a claim to the abstracts that bear on it and how much. `abstracts` are titles and bodies
    as one text each."""

    abstracts: dict[str, str]
    titles: dict[str, str]
    bodies: dict[str, str]
    claims: dict[str, str]
    relevant: dict[str, dict[str, int]]


def read(folder: Path) -> SciFact:
    """The test split: corpus.jsonl[.gz], queries.jsonl, qrels/test.tsv. Title and abstract are one text, as in BEIR."""
    with (folder / "qrels" / "test.tsv").open(encoding="utf-8", newline="") as file:
        relevant: dict[str, dict[str, int]] = {}
        for row in csv.DictReader(file, delimiter="\t"):
            relevant.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    rows = _rows(folder, "corpus.jsonl")
    titles, bodies = ({row["_id"]: row[field] for row in rows} for field in ("title", "text"))
    abstracts = {name: f"{titles[name]} {bodies[name]}".strip() for name in titles}
    claims = {row["_id"]: row["text"] for row in _rows(folder, "queries.jsonl") if row["_id"] in relevant}
    return SciFact(abstracts, titles, bodies, claims, relevant)


def _rows(folder: Path, name: str) -> list[dict[str, Any]]:
    packed = folder / f"{name}.gz"
    content = gzip.decompress(packed.read_bytes()) if packed.exists() else (folder / name).read_bytes()
    return [json.loads(line) for line in content.decode().splitlines()]
