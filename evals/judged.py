"""Citations that were judged by reading. The gold places name where an answer was found when the question was written;
another passage may hold it too. `data/judged.jsonl` has a line per passage that was cited and is no gold place: whether it
answers the question on its own. The README says how they were judged."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

_PATH = Path(__file__).resolve().parent / "data" / "judged.jsonl"


def verdict(
    corpus: str, question: str, cited: str, judgements: Mapping[tuple[str, str], list[tuple[str, bool]]]
) -> bool | None:
    """Whether a citation, as `path:first-last`, answers the question; None where nobody judged it."""
    path, first, last = _place(cited)
    for known, answers in judgements.get((corpus, question), ()):
        other, start, end = _place(known)
        if path == other and first <= end and start <= last:
            return answers
    return None


@lru_cache
def read(path: Path = _PATH) -> Mapping[tuple[str, str], list[tuple[str, bool]]]:
    """The judgements by corpus and question."""
    found: dict[tuple[str, str], list[tuple[str, bool]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        row = json.loads(line)
        found.setdefault((row["corpus"], row["question"]), []).append((row["cited"], row["answers"]))
    return found


def _place(cited: str) -> tuple[str, int, int]:
    path, _, lines = cited.rpartition(":")
    first, _, last = lines.partition("-")
    return path, int(first), int(last or first)
