"""Questions with their gold spans."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Span:
    """Lines of a file that answer a question, 1-based and inclusive."""

    path: str
    line_start: int
    line_end: int

    def overlaps(self, place: dict[str, Any]) -> bool:
        """Whether a passage or citation shows any of these lines."""
        if place.get("path") != self.path or place.get("line_start") is None:
            return False
        return bool(self.line_start <= place["line_end"] and place["line_start"] <= self.line_end)


@dataclass(frozen=True)
class EvalQuestion:
    """A question; `style` is named, paraphrase or unanswerable."""

    id: str
    text: str
    style: str
    kind: str
    answerable: bool
    gold: tuple[Span, ...]
    key_facts: tuple[str, ...]

    def is_gold(self, place: dict[str, Any]) -> bool:
        """Whether a passage or citation overlaps a gold span."""
        return any(span.overlaps(place) for span in self.gold)


def read_questions(path: Path) -> list[EvalQuestion]:
    """The questions of a JSON Lines file."""
    return [_question(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _question(row: dict[str, Any]) -> EvalQuestion:
    return EvalQuestion(
        id=row["id"],
        text=row["question"],
        style=row["style"],
        kind=row["kind"],
        answerable=row["answerable"],
        gold=tuple(Span(span["path"], span["line_start"], span["line_end"]) for span in row.get("gold") or ()),
        key_facts=tuple(row.get("key_facts") or ()),
    )
