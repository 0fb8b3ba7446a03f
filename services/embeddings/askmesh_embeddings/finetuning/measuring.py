"""Whether a model finds the right passages: hit@k on held-out pairs, and on questions with gold places."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from askmesh_embeddings.comparing import encode_all
from askmesh_embeddings.encoders.base import Encoder
from askmesh_embeddings.finetuning.pairs import Pair, Record

CUTS = (1, 5, 10)


@dataclass(frozen=True)
class Question:
    """A question and the positions of the passages that answer it; any of them is right."""

    text: str
    gold: frozenset[int]


def hits(encoder: Encoder, questions: Sequence[Question], passages: Sequence[str]) -> dict[str, float]:
    """The share of questions with a right passage among the best k by cosine, over all `passages`."""
    found = encode_all(encoder, [question.text for question in questions]) @ encode_all(encoder, passages).T
    ranked = np.argsort(-found, axis=1, kind="stable")[:, : max(CUTS)]
    hit = [
        [position in question.gold for position in row]
        for question, row in zip(questions, ranked.tolist(), strict=True)
    ]
    return {f"hit@{cut}": round(float(np.mean([any(row[:cut]) for row in hit])), 4) for cut in CUTS}


def questions_of(pairs: Sequence[Pair]) -> list[Question]:
    """Each pair's question, answered by its own passage, over the passages of `pairs` in order."""
    return [Question(pair.question, frozenset({position})) for position, pair in enumerate(pairs)]


def read_questions(path: Path, records: Sequence[Record]) -> list[Question]:
    """JSON Lines of `{question, gold: [{path, line_start, line_end}]}`, over `records` in order.

    A record is right if its lines overlap a gold place. Questions without a right record are left out.
    """
    questions = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line) if line.strip() else {}
        gold = frozenset(
            position
            for position, record in enumerate(records)
            for place in row.get("gold") or ()
            if record.path == place["path"]
            and record.line_start <= place["line_end"]
            and place["line_start"] <= record.line_end
        )
        if gold:
            questions.append(Question(row["question"], gold))
    return questions
