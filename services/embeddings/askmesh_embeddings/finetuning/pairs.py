"""Pairs of question and passage: given, or made from a learned collection's own headings and docstrings."""

import csv
import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

# Shorter ones say too little to be told from others.
_LEAST_WORDS, _LEAST_BODY = 3, 40
_PAGE = 100
_SUMMARY_END = re.compile(r"(?<=[.!?])\s|\n\s*\n")


@dataclass(frozen=True)
class Pair:
    """A question and the passage that answers it."""

    question: str
    passage: str


@dataclass(frozen=True)
class Record:
    """A chunk of a collection, with the metadata that the vector database keeps of it."""

    header: str
    text: str
    path: str | None = None
    line_start: int = 0
    line_end: int = 0

    @classmethod
    def of(cls, metadata: dict[str, Any]) -> "Record":
        """Raises ValueError for one without text."""
        if not (isinstance(metadata, dict) and isinstance(metadata.get("text"), str)):
            raise ValueError("a record lacks its text")
        path = metadata.get("path")
        lines = int(metadata.get("line_start") or 0), int(metadata.get("line_end") or 0)
        return cls(metadata.get("header") or metadata.get("title") or "", metadata["text"], path, *lines)

    @property
    def passage(self) -> str:
        """As it is embedded: under its header."""
        return f"{self.header}\n{self.text}"


def read_pairs(path: Path) -> list[Pair]:
    """JSON Lines or CSV with `question` and `passage`. Raises ValueError naming the line."""
    with path.open(encoding="utf-8", newline="") as file:
        rows: Iterator[Any] = (
            csv.DictReader(file) if path.suffix == ".csv" else map(json.loads, filter(str.strip, file))
        )
        pairs = []
        for number, row in enumerate(rows, start=1):
            if not (isinstance(row, dict) and row.get("question") and row.get("passage")):
                raise ValueError(f"{path}: entry {number} lacks question or passage")
            pairs.append(Pair(row["question"], row["passage"]))
    return pairs


def read_records(path: Path) -> list[Record]:
    """JSON Lines of `{header or title, text, path?, line_start?, line_end?}`."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Record.of(json.loads(line)) for line in lines if line.strip()]


def fetch_records(index_url: str, namespace: str, api_key: str | None = None) -> list[Record]:
    """All records of a collection, from an index's own URL: http://…/indexes/NAME. Raises httpx2.HTTPError."""
    headers = {"Api-Key": api_key} if api_key else {}
    records: list[Record] = []
    with httpx2.Client(base_url=index_url.rstrip("/") + "/", headers=headers, timeout=60) as client:
        page: dict[str, Any] = {"namespace": namespace, "limit": _PAGE}
        while True:
            listed = client.get("vectors/list", params=page).raise_for_status().json()
            if ids := [item["id"] for item in listed.get("vectors", [])]:
                found = client.get("vectors/fetch", params={"ids": ids, "namespace": namespace}).raise_for_status()
                vectors = found.json()["vectors"]
                records += [Record.of(vectors[each]["metadata"]) for each in ids if each in vectors]
            token = (listed.get("pagination") or {}).get("next")
            if not token:
                return records
            page["paginationToken"] = token


def pairs_from(records: Sequence[Record]) -> list[Pair]:
    """What a record's own structure asks and answers: a docstring's summary and its rest, a heading and its section.

    The summary is taken out of the passage, else the model would learn to find equal words only.
    """
    pairs: dict[str, Pair] = {}
    for record in records:
        # Headers of pages are paths like `project › page › section`; those of docstrings are a name and its signature.
        if "›" in record.header:
            question, passage, body = record.header.rpartition("›")[2].strip(), record.text, record.text
        else:
            question, body = _split(record.text)
            passage = f"{record.header}\n{body}"
        if _asks(question) and len(body) >= _LEAST_BODY:
            # One passage per question: two right answers would be each other's negatives.
            pairs.setdefault(question.casefold(), Pair(question, passage))
    return list(pairs.values())


def split_held_out(pairs: Sequence[Pair], share: float, seed: int) -> tuple[list[Pair], list[Pair]]:
    """(to train on, held out). At least one of each. Raises ValueError where there are too few."""
    if len(pairs) < 2:
        raise ValueError(f"{len(pairs)} pairs are too few to train on and to measure with")
    shuffled = random.Random(seed).sample(list(pairs), len(pairs))  # noqa: S311 - a split, not a secret
    held_out = min(max(1, round(share * len(pairs))), len(pairs) - 1)
    return shuffled[held_out:], shuffled[:held_out]


def _split(text: str) -> tuple[str, str]:
    """The first sentence, and the rest."""
    end = _SUMMARY_END.search(text.strip())
    if not end:
        return text.strip(), ""
    return " ".join(text.strip()[: end.start()].split()), text.strip()[end.end() :].strip()


def _asks(text: str) -> bool:
    words = text.split()
    # ` : ` marks a parameter in numpydoc, not a sentence.
    return (
        " : " not in text
        and _LEAST_WORDS <= len(words) <= 40
        and sum(word.isalpha() or word[:-1].isalpha() for word in words) >= 3
    )
