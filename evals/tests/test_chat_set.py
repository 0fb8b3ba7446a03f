"""The chat's questions fit its threads, and the two-turn questions their corpora."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from askmesh_bot.knowledge.threads.askmesh_file import read_lines
from askmesh_bot.knowledge.threads.base import Thread
from askmesh_bot.knowledge.threads.corrections import corrected
from askmesh_bot.knowledge.threads.document import thread_document
from followups import TwoTurns, table
from measures import holds_facts
from questions import read_questions

HERE = Path(__file__).resolve().parent.parent
QUESTIONS = read_questions(HERE / "data" / "chat" / "questions.jsonl", "chat")


@pytest.fixture(scope="module")
def threads() -> dict[str, Thread]:
    return {thread.id: thread for thread in read_lines(HERE / "data" / "chat" / "threads.jsonl")}


def test_there_are_enough_of_each_kind(threads: dict[str, Thread]) -> None:
    assert len(threads) >= 60
    answerable = [question for question in QUESTIONS if question.answerable]
    assert len(answerable) >= 40
    assert sum(question.style == "paraphrase" for question in answerable) * 3 >= len(answerable)
    assert sum(not question.answerable for question in QUESTIONS) >= 10
    assert len({question.id for question in QUESTIONS}) == len(QUESTIONS)


def test_every_fact_stands_in_its_thread_and_can_be_quoted(threads: dict[str, Thread]) -> None:
    for question in QUESTIONS:
        for span in question.gold:
            document = thread_document(threads[span.path])
            assert document is not None
            quotable = " ".join(section.text for section in document.sections if not section.aside)
            assert holds_facts(quotable, question.key_facts), question.id


def test_what_a_later_turn_takes_back_is_known(threads: dict[str, Thread]) -> None:
    asked = {question.gold[0].path for question in QUESTIONS if question.style == "corrected"}
    assert asked <= {thread.id for thread in threads.values() if corrected(thread.messages)}


def test_there_are_enough_questions_of_two_turns() -> None:
    rows = [
        json.loads(line) for line in (HERE / "data" / "followups" / "questions.jsonl").read_text("utf-8").splitlines()
    ]
    assert sum(row["style"] == "follow-up" for row in rows) >= 30
    assert all(row["first"] and row["question"] and row["gold"] for row in rows)


def test_a_table_has_a_row_for_each_way() -> None:
    ranks: dict[str, int | None] = {"as typed": None, "rewritten": 1, "both, fused": 2, "asked in a conversation": 7}
    lines = table([TwoTurns("a", "chat", "follow-up", "First?", "And?", "And? First", True, ranks)]).split("\n")
    assert "| follow-up, all | 1 | both, fused | 0.00 | 1.00 | 1.00 to 1.00 | 0.50 |" in lines
    assert "| follow-up, chat | 1 | asked in a conversation | 0.00 | 0.00 | 0.00 to 0.00 | 0.14 |" in lines
