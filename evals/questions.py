"""Questions with their gold places."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

_SYMBOL = re.compile(r"[A-Za-z_][\w.]*")


@dataclass(frozen=True)
class Span:
    """What answers a question: lines of a file (1-based, inclusive), a whole file, or a documented object by its name."""

    path: str = ""
    line_start: int = 0
    line_end: int = 10**9
    symbol: str = ""

    def overlaps(self, place: dict[str, Any]) -> bool:
        """Whether a passage or citation shows any of it."""
        if self.symbol:
            named = _SYMBOL.match(place.get("header") or "")
            return bool(named and named[0] == self.symbol)
        if place.get("path") != self.path or place.get("line_start") is None:
            return False
        return bool(self.line_start <= place["line_end"] and place["line_start"] <= self.line_end)


@dataclass(frozen=True)
class EvalQuestion:
    """A question. `corpus` is what it is reported under and, mostly, where it is asked, `style` what kind it is, such as named, paraphrase or unanswerable."""

    id: str
    text: str
    style: str
    kind: str
    answerable: bool
    gold: tuple[Span, ...]
    key_facts: tuple[str, ...]
    corpus: str = ""
    # One of the facts is enough: they are ways to say the same.
    any_fact: bool = False
    # Where it is asked, if that is not what its corpus is called.
    collection: str = ""

    @property
    def half(self) -> str:
        """`dev` to choose and fit on, `held-out` to report."""
        return "dev" if int(hashlib.sha256(self.id.encode()).hexdigest()[:8], 16) % 2 == 0 else "held-out"

    @property
    def asked_of(self) -> str:
        """The collection."""
        return self.collection or self.corpus

    def is_gold(self, place: dict[str, Any]) -> bool:
        """Whether a passage or citation overlaps a gold span."""
        return any(span.overlaps(place) for span in self.gold)


def read_questions(path: Path, corpus: str = "") -> list[EvalQuestion]:
    """The questions of a JSON Lines file, asked of `corpus` where they name no other."""
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return [_question(row, corpus) for row in rows]


def read_squad(path: Path, answerable: int, unanswerable: int) -> list[EvalQuestion]:
    """A sample of SQuAD 2.0's questions, the same at every run; the unanswerable ones look as if they had an answer."""
    found = []
    articles: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["data"]
    for article in articles:
        for number, paragraph in enumerate(article["paragraphs"]):
            place = Span(squad_path(article["title"], number))
            found += [_squad(item, place) for item in paragraph["qas"]]
    found.sort(key=lambda question: hashlib.sha256(f"x{question.id}".encode()).hexdigest())
    known = [question for question in found if question.answerable][:answerable]
    return known + [question for question in found if not question.answerable][:unanswerable]


def squad_path(title: str, number: int) -> str:
    """Where a paragraph of SQuAD is in its corpus."""
    return f"{title}/{number:03}.md"


def read_selfaware(path: Path, corpora: Sequence[str]) -> list[EvalQuestion]:
    """General questions about nothing in any corpus, asked of each corpus in turn."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [
        EvalQuestion(
            row["id"], row["question"], "selfaware", "selfaware", False, (), (), corpora[number % len(corpora)]
        )
        for number, row in enumerate(rows)
    ]


def asked_elsewhere(questions: Sequence[EvalQuestion], corpus: str, most: int) -> list[EvalQuestion]:
    """Answerable questions of other corpora, asked of one that does not hold their answers."""
    chosen = [question for question in questions if question.answerable][:most]
    return [replace(one, style="off-corpus", answerable=False, gold=(), key_facts=(), corpus=corpus) for one in chosen]


def _question(row: dict[str, Any], corpus: str) -> EvalQuestion:
    fields = ("path", "line_start", "line_end", "symbol")
    return EvalQuestion(
        id=row["id"],
        text=row["question"],
        style=row["style"],
        kind=row["kind"],
        answerable=row["answerable"],
        gold=tuple(Span(**{key: span[key] for key in fields if key in span}) for span in row.get("gold") or ()),
        key_facts=tuple(row.get("key_facts") or ()),
        corpus=row.get("corpus", corpus),
        collection=row.get("collection", ""),
    )


def _squad(item: dict[str, Any], place: Span) -> EvalQuestion:
    known = not item["is_impossible"]
    return EvalQuestion(
        id=item["id"],
        text=item["question"].strip(),
        style="answerable" if known else "adversarial",
        kind="squad",
        answerable=known,
        gold=(place,) if known else (),
        key_facts=tuple(sorted({answer["text"] for answer in item["answers"]})),
        corpus="squad",
        any_fact=True,
    )
