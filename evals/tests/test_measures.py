"""The measures, checked by hand on small cases."""

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fit_gate import fit
from fusions import convex, reciprocal
from judged import read, verdict
from measures import hit_at, holds_facts, interval, mean_reciprocal_rank, percentile
from measuring import Asked, first_gold, gold_ranks
from questions import EvalQuestion, Span, read_questions
from rankings import interval as mean_interval
from rankings import measured, rows, table
from report import added, drops
from risk import curve, svg
from significance import paired_randomisation


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


def test_rankings_are_measured_as_by_hand() -> None:
    found = measured(
        {"first": ([1, 4], 2), "third": ([3], 1), "one of two": ([2], 2), "deep": ([30], 1), "none": ([], 1)}
    )
    both = 1 + 1 / math.log2(3)
    ndcg = [(1 + 1 / math.log2(5)) / both, 1 / math.log2(4), (1 / math.log2(3)) / both, 0.0, 0.0]
    assert found["ndcg@10"] == pytest.approx(ndcg)
    ranks = [1, 3, 2, 30, None]
    assert [sum(found[f"hit@{k}"]) / 5 for k in (1, 5, 10)] == pytest.approx([hit_at(ranks, k) for k in (1, 5, 10)])
    assert sum(found["mrr"]) / 5 == pytest.approx(mean_reciprocal_rank(ranks))


def test_a_mean_lies_in_its_interval() -> None:
    low, high = mean_interval([1.0] * 20 + [0.0] * 10)
    assert low < 2 / 3 < high
    assert high - low < 0.4
    assert mean_interval([0.5] * 7) == (0.5, 0.5)
    assert mean_interval([]) == (0.0, 0.0)


def test_each_gold_place_counts_once() -> None:
    spans = (Span("a.md", 10, 20), Span("b.md"))
    question = EvalQuestion("q", "?", "named", "docs", True, spans, ())
    places = [
        {"path": "c.md", "line_start": 1, "line_end": 3},
        {"path": "a.md", "line_start": 5, "line_end": 12},
        {"path": "a.md", "line_start": 13, "line_end": 20},
        {"path": "b.md", "line_start": 1, "line_end": 9},
    ]
    assert gold_ranks(question, places) == {spans[0]: 2, spans[1]: 4}


def test_a_row_for_each_ranking_that_was_measured() -> None:
    one = asked(0.9, "answered")
    one.ranks, one.gold_ranks, one.gold_places = {"dense": 2, "as served": 1}, {"dense": [2], "as served": [1]}, 1
    found = rows([one])
    assert list(found) == ["c/dense", "c/as served"]
    assert [found[key]["mrr"]["value"] for key in found] == [0.5, 1.0]
    assert table(found)[-1].startswith("| c/as served | 1 | 1.000 (1.00 to 1.00) |")


def test_facts_and_percentiles() -> None:
    assert holds_facts("It was `Rollo`,\n who came", ["rollo, who"])
    assert holds_facts("in 911", ["911", "the year 911"], any_of_them=True)
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


DATA = Path(__file__).resolve().parent.parent / "data"


@pytest.mark.parametrize(
    ("name", "answerable", "all_of_them"), [("fury", 31, 39), ("stdlib", 84, 108), ("sources", 54, 54)]
)
def test_the_kept_questions_can_be_read(name: str, answerable: int, all_of_them: int) -> None:
    questions = read_questions(DATA / name / "questions.jsonl", name)
    assert (len(questions), sum(question.answerable for question in questions)) == (all_of_them, answerable)
    assert all(question.gold and question.key_facts for question in questions if question.answerable)
    assert {question.half for question in questions} == {"dev", "held-out"}
    assert len({question.id for question in questions}) == all_of_them


def test_named_pages_are_there() -> None:
    threads = {json.loads(line)["id"] for line in (DATA / "chat" / "threads.jsonl").read_text("utf-8").splitlines()}
    for question in read_questions(DATA / "sources" / "questions.jsonl", "sources"):
        if question.asked_of == "sources":
            for span in question.gold:
                page = DATA / "sources" / "docs" / span.path
                assert span.path in threads or len(page.read_text("utf-8").splitlines()) >= span.line_start > 0


def test_a_gold_object_is_found_by_its_name() -> None:
    span = Span(symbol="pathlib.Path.read_text")
    assert span.overlaps({"header": "pathlib.Path.read_text(encoding=None)", "path": "x", "line_start": 1})
    assert not span.overlaps({"header": "pathlib.Path.read_text_lines()"})
    assert not span.overlaps({"header": "Guide › pathlib.Path.read_text"})


def test_a_whole_file_can_be_gold() -> None:
    assert Span("a/001.md").overlaps({"path": "a/001.md", "line_start": 7, "line_end": 9})
    assert not Span("a/001.md").overlaps({"path": "a/002.md", "line_start": 7, "line_end": 9})


def test_a_drop_of_more_than_two_points_fails() -> None:
    def figures(hits: float) -> dict[str, Any]:
        return {"fury/named": {"all": {"n": 9, "hit@5": {"value": hits}, "refused": {"value": 0.5}}}}

    assert drops(figures(0.89), figures(0.9)) == []
    assert drops(figures(0.87), figures(0.9)) == ["fury/named: hit@5 fell from 0.9 to 0.87"]
    assert drops({}, figures(0.9)) == []


def test_the_gates_weights_follow_what_tells_the_questions_apart() -> None:
    rows = [
        {"answerable": known, "corpus": corpus, "style": style, "signals": [level, level, 1 - level, 0.5, 0.0]}
        for known, corpus, style, level in [
            (True, "a", "named", 0.8),
            (True, "a", "named", 0.6),
            (False, "a", "selfaware", 0.2),
            (False, "a", "off-corpus", 0.3),
        ]
        for _ in range(10)
    ]
    similarity, coverage, missing, agreement, unknown_name, _ = fit(rows, (0, 1, 2, 3, 4))
    assert similarity > 0 < coverage
    assert missing < 0
    assert agreement == unknown_name == pytest.approx(0)
    assert fit(rows, (1, 2, 3, 4))[0] == 0


def test_a_clear_lead_is_significant_and_an_even_one_is_not() -> None:
    better, p = paired_randomisation([1.0] * 12 + [0.5] * 8, [0.5] * 12 + [0.5] * 8)
    assert better == pytest.approx(0.3)
    assert p < 0.01
    assert paired_randomisation([1.0, 0.0] * 10, [0.0, 1.0] * 10)[1] > 0.5
    assert paired_randomisation([0.5], [0.5]) == (0.0, 1.0)
    assert paired_randomisation([], []) == (0.0, 1.0)


def asked(chance: float, outcome: str, *, answerable: bool = True, facts: bool = True) -> Asked:
    return Asked(
        "q", "c", "s", "held-out", answerable, "?", {}, {}, 0, outcome, "", "", facts, [], [], [], [], 0.9, chance, 0.1, {}, []
    )  # fmt: skip


def test_the_risk_of_the_surest_answers() -> None:
    found = curve(
        "c",
        [
            asked(0.7, "answered", facts=False),
            asked(0.9, "answered"),
            asked(0.6, "answered", answerable=False),
            asked(0.1, "abstained"),
        ],
    )
    assert found.points == ((0.25, 0.0), (0.5, 0.5), (0.75, pytest.approx(2 / 3)))
    assert found.risk_at(1.0)[0] == 0.75
    assert "<polyline" in svg([found])
    assert curve("empty", []).risk_at(0.5) == (0.0, 0.0)


def test_a_judgement_is_of_the_lines_that_were_read() -> None:
    known = {("squad", "q"): [("a.md:3-9", True), ("b.md:1-1", False)]}
    found = {
        cited: verdict("squad", "q", cited, known) for cited in ("a.md:9-20", "a.md:10-20", "b.md:1-4", "c.md:1-4")
    }
    assert found == {"a.md:9-20": True, "a.md:10-20": None, "b.md:1-4": False, "c.md:1-4": None}
    assert verdict("squad", "other", "a.md:3-9", known) is None


def test_every_judgement_is_of_a_place() -> None:
    known = read()
    assert known
    for (corpus, question), places in known.items():
        for cited, _ in places:
            assert verdict(corpus, question, cited, known) is not None


def test_what_is_added_is_all_but_the_peers() -> None:
    assert added(0.5, {"embed": 10.0, "search": 20.0, "write": 400.0, "check": 30.0, "pack": 5.0}) == pytest.approx(
        100.0
    )
