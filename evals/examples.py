"""What fit_quotes.py fits on: the questions of the last run of run.py, with the passages that were shown for them."""

import json
from dataclasses import dataclass
from pathlib import Path

from askmesh_llm.engines.extractive.prompt import GroundedPrompt, Passage
from sets import questions_of

_SETS = ("fury", "stdlib", "chat", "squad")


@dataclass(frozen=True)
class Example:
    """A question with its passages; `gold` are the numbers of those that hold the answer, `facts` what must be quoted."""

    group: str
    prompt: GroundedPrompt
    gold: frozenset[int]
    facts: tuple[str, ...]


def examples(kept: Path, data: Path, half: str) -> list[Example]:
    """The answerable questions of one half. `kept` is the folder where run.py keeps what was asked."""
    found = []
    for name in _SETS:
        newest = max(kept.glob(f"{name}-*.jsonl"), key=lambda path: path.stat().st_mtime, default=None)
        if newest is None:
            raise SystemExit(f"{kept} holds no run of {name}: python evals/run.py --set {name}")
        questions = {question.id: question for question in questions_of(name, data)}
        for line in newest.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            question = questions[row["id"]]
            if not question.answerable or question.half != half:
                continue
            shown = [
                Passage(place["number"], place["header"], place["text"], rank)
                for rank, place in enumerate(row["passages"])
            ]
            gold = frozenset(place["number"] for place in row["passages"] if question.is_gold(place))
            found.append(Example(name, GroundedPrompt(question.text, "", tuple(shown)), gold, question.key_facts))
    return found
