"""A real project's source distribution, learned by the whole mesh and asked real questions with known places."""

from pathlib import Path
from typing import Any

import pytest
from running_mesh import RunningMesh

from evals import corpus
from evals.questions import EvalQuestion, read_questions

QUESTIONS = Path(corpus.__file__).parent / "data" / "fury" / "questions.jsonl"
# Enough of the package for distractors, little enough to be learned in half a minute.
PARTS = [
    "actor/curved.py",
    "actor/planar.py",
    "colormap.py",
    "data/*.py",
    "io.py",
    "motion/*.py",
    "utils.py",
    "window.py",
]


@pytest.fixture(scope="module")
def learned(mesh: RunningMesh) -> str:
    """The collection that holds a part of FURY."""
    if not QUESTIONS.exists():
        pytest.skip(f"the questions are not there: {QUESTIONS}")
    try:
        folder = corpus.fury().folder
    except (SystemExit, OSError) as reason:
        pytest.skip(f"FURY's source distribution can't be had: {reason}")
    options = {"include": [f"fury/{part}" for part in PARTS]}
    learned = mesh.learn("tree", str(folder), collection="fury", title="FURY", options=options)
    assert learned["chunks_embedded"] > 100
    return "fury"


def ask(mesh: RunningMesh, collection: str, question: EvalQuestion) -> dict[str, Any]:
    answer = mesh.client.post("/v1/ask", json={"question": question.text, "collection": collection})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_questions_that_name_the_api_find_their_place(mesh: RunningMesh, learned: str) -> None:
    questions = [
        question
        for question in read_questions(QUESTIONS)
        if question.answerable
        and question.style == "named"
        and all(span.path.startswith("fury/") for span in question.gold)
    ]
    assert len(questions) == 10
    answers = {question.id: ask(mesh, learned, question) for question in questions}
    missed = [
        question.id
        for question in questions
        if not any(question.is_gold(passage) for passage in answers[question.id]["passages"][:5])
    ]
    assert len(missed) <= len(questions) // 5, missed
    cited = [
        question.id
        for question in questions
        if any(question.is_gold(found) for found in answers[question.id]["citations"])
    ]
    assert len(cited) >= len(questions) // 2, cited


def test_questions_it_does_not_answer_are_abstained_from(mesh: RunningMesh, learned: str) -> None:
    questions = [question for question in read_questions(QUESTIONS) if not question.answerable]
    assert questions
    outcomes = {question.id: ask(mesh, learned, question)["outcome"] for question in questions}
    abstained = [name for name, outcome in outcomes.items() if outcome == "abstained"]
    assert len(abstained) >= len(questions) // 2, outcomes
