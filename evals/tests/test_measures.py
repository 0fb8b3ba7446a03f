"""The measures, checked by hand on small cases."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fusions import convex, reciprocal
from measures import abstention, hit_at, holds_facts, interval, mean_reciprocal_rank, percentile
from measuring import first_gold
from questions import EvalQuestion, Span, read_questions


def test_hits_and_reciprocal_ranks() -> None:
    ranks = [1, 3, None, 6]
    assert [hit_at(ranks, k) for k in (1, 5, 10)] == [0.25, 0.5, 0.75]
    assert mean_reciprocal_rank(ranks) == pytest.approx((1 + 1 / 3 + 1 / 6) / 4)
    assert hit_at([], 5) == 0.0


def test_the_interval_holds_the_measure_and_is_repeatable() -> None:
    ranks = [1] * 20 + [None] * 10
    low, high = interval(ranks, lambda found: hit_at(found, 1))
    assert low < 2 / 3 < high
    assert (low, high) == interval(ranks, lambda found: hit_at(found, 1))


def test_abstention_counts_both_kinds_of_mistake() -> None:
    pairs = [(True, False), (True, True), (False, True), (False, True), (False, False)]
    assert abstention(pairs) == {
        "precision": pytest.approx(2 / 3),
        "recall": pytest.approx(2 / 3),
        "false_abstentions": 0.5,
    }


def test_gold_is_an_overlap_of_lines_in_the_same_file() -> None:
    question = EvalQuestion("q", "?", "named", "docs", True, (Span("a.md", 10, 20),), ())
    places = [
        {"path": "b.md", "line_start": 10, "line_end": 20},
        {"path": "a.md", "line_start": 1, "line_end": 9},
        {"path": "a.md", "line_start": None, "line_end": None},
        {"path": "a.md", "line_start": 20, "line_end": 30},
    ]
    assert first_gold(question, places) == 4
    assert first_gold(question, places[:3]) is None


def test_facts_and_percentiles() -> None:
    assert holds_facts("Set FURY_HOME first", ["fury_home"])
    assert not holds_facts("Set it", ["fury_home"])
    assert percentile([4, 1, 3, 2], 0.5) == 3
    assert percentile([], 0.95) == 0.0


def test_fusions_weigh_both_rankings() -> None:
    matches = [
        {"id": "middling", "ranks": {"dense": 6, "lexical": 6}, "scores": {"dense": 0.5, "lexical": 5.0}},
        {"id": "dense", "ranks": {"dense": 1, "lexical": None}, "scores": {"dense": 0.9, "lexical": None}},
    ]
    assert reciprocal(60)(matches)[0]["id"] == "middling"
    assert reciprocal(1)(matches)[0]["id"] == "dense"
    assert convex(0.9)(matches)[0]["id"] == "dense"
    assert convex(0.1)(matches)[0]["id"] == "middling"


def test_the_kept_questions_can_be_read() -> None:
    questions = read_questions(Path(__file__).resolve().parent.parent / "data" / "fury" / "questions.jsonl")
    assert (len(questions), sum(question.answerable for question in questions)) == (39, 31)
    assert all(question.gold for question in questions if question.answerable)
