"""`askmesh eval`, `gaps` and `golden` over a real bot."""

import json
from pathlib import Path
from typing import Any

import pytest
from askmesh_bot.frontends.shell.commands import app
from askmesh_bot.frontends.shell.evaluating import judge
from askmesh_bot.frontends.shell.figures import Judged, drops, figures
from askmesh_bot.frontends.shell.questions import Asked, BadRow, GoldPlace, read_questions
from typer.testing import CliRunner

KNOWN = "How do I read a whole text file into a string with pathlib?"
UNKNOWN = "Which city held the chess olympiad of 1954?"


def askmesh(url: str, *arguments: object) -> Any:
    return CliRunner().invoke(app, [*map(str, arguments), "--url", url])


def write(path: Path) -> Path:
    path.write_text(
        "question,gold,expected,answerable\n"
        f"{KNOWN},pathlib.Path.read_text,read_text,yes\n"
        "What does json.dumps do?,json.dumps | json.dump,a fact that is nowhere,\n"
        f"{UNKNOWN},,,no\n"
    )
    return path


@pytest.mark.models
def test_ones_own_questions_are_measured_and_the_result_is_dated(bot: str, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    done = askmesh(bot, "eval", "--questions", write(tmp_path / "q.csv"), "--out", folder)
    assert done.exit_code == 0, done.output
    [kept] = folder.glob("askmesh-eval-*.json")
    result = json.loads(kept.read_text())
    told = result["figures"]
    assert told["hit@5"] == {"value": 1.0, "95%": [1.0, 1.0], "n": 2}
    assert (told["facts"]["value"], told["refused"]["value"], told["answered"]["value"]) == (0.5, 1.0, 1.0)
    assert result["questions"][0]["rank"] == 1
    assert result["models"]
    assert {"search", "waited for"} <= set(result["milliseconds"])
    page = kept.with_suffix(".md").read_text()
    assert "What does json.dumps do?" in page.partition("Not as it should be: 1 of 3")[2]
    # What was asked to measure is not among what people asked in vain.
    assert UNKNOWN not in askmesh(bot, "gaps", "--json").output
    passed = askmesh(bot, "eval", "-q", tmp_path / "q.csv", "--out", folder, "--gate", kept)
    assert passed.exit_code == 0
    (tmp_path / "q.csv").write_text(f"question,gold\n{UNKNOWN},somewhere.md\n")
    failed = askmesh(bot, "eval", "-q", tmp_path / "q.csv", "--out", folder, "--gate", kept)
    assert failed.exit_code == 1
    assert "hit@5 fell from 1.0 to 0.0" in failed.output
    assert "refused was 1.0 and is not measured any more" in failed.output


@pytest.mark.models
def test_an_accepted_answer_becomes_a_question_to_measure_by(bot: str, tmp_path: Path) -> None:
    answer = json.loads(askmesh(bot, "ask", "--json", KNOWN).output)["answer_id"]
    added = askmesh(bot, "golden", "add", answer, "--fact", "read_text")
    assert added.exit_code == 0, added.output
    assert "is golden: How do I read" in added.output
    assert answer in askmesh(bot, "golden", "list").output
    row = json.loads(askmesh(bot, "golden", "export").output)
    assert (row["question"], row["key_facts"], row["answerable"]) == (KNOWN, ["read_text"], True)
    done = askmesh(bot, "eval", "--golden", "--json", "--out", tmp_path)
    assert json.loads(done.output)["figures"]["facts"]["value"] == 1.0
    # Exported, it can be asked as a file too.
    assert askmesh(bot, "golden", "export", "-o", tmp_path / "g.jsonl").exit_code == 0
    again = askmesh(bot, "eval", "-q", tmp_path / "g.jsonl", "--json", "--out", tmp_path)
    assert json.loads(again.output)["figures"]["hit@5"]["value"] == 1.0
    assert askmesh(bot, "golden", "remove", answer).exit_code == 0
    assert askmesh(bot, "golden", "remove", answer).exit_code == 1
    assert "There is no question to ask" in askmesh(bot, "eval", "--golden", "--out", tmp_path).output


@pytest.mark.models
def test_what_was_asked_in_vain_is_shown_by_topic(bot: str) -> None:
    for text in ("How tall is the Eiffel Tower?", "What is the height of the Eiffel Tower?"):
        assert askmesh(bot, "ask", text).exit_code == 4
    table = askmesh(bot, "gaps", "--days", "1").output
    [line] = [line for line in table.split("\n") if "Eiffel" in line]
    assert line.split("\t")[:3] == ["2", "2", "0"]
    assert " / " in line
    topics = json.loads(askmesh(bot, "gaps", "--json").output)["topics"]
    assert any("Eiffel" in topic["examples"][0]["question"] for topic in topics)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["eval"], "nothing to ask"),
        (["eval", "-q", "gone.csv"], "can't be read"),
        (["eval", "-q", "q.csv", "--gate", __file__], "is no result of askmesh eval"),
    ],
)
def test_wrong_usage(arguments: list[str], said: str) -> None:
    done = askmesh("http://127.0.0.1:1", *arguments)
    assert done.exit_code == 2
    assert said in done.output


def test_questions_come_in_several_forms(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"question": "One?", "gold": [{"path": "a.md", "line_start": 3, "line_end": 9}], "key_facts": ["x", "y"]},
        {"question": "Two?", "gold": "https://x/a | b.md", "expected": "x|y", "answerable": False},
        {"question": 3},
    ]
    (tmp_path / "q.jsonl").write_text("\n".join([*map(json.dumps, rows), "[]"]))
    good, bad = read_questions(tmp_path / "q.jsonl")
    assert good == [
        Asked(1, "One?", (GoldPlace("a.md", 3, 9),), ("x", "y")),
        Asked(2, "Two?", (GoldPlace("https://x/a"), GoldPlace("b.md")), ("x", "y"), answerable=False),
    ]
    assert bad == [BadRow(3, "there is no question"), BadRow(4, "it is not a JSON object")]


PLACE = {
    "path": "docs/guide/deploy.md",
    "document": "deploy-1",
    "url": "https://x/guide#L3",
    "title": "Deploying",
    "header": "Handbook › Deploying › With Compose",
    "line_start": 10,
    "line_end": 20,
    "score": 1.0,
}


@pytest.mark.parametrize(
    ("gold", "expected"),
    [
        (GoldPlace("docs/guide/deploy.md"), True),
        (GoldPlace("deploy.md"), True),
        (GoldPlace("eploy.md"), False),
        (GoldPlace("https://x/guide"), True),
        (GoldPlace("https://x/gui"), False),
        (GoldPlace("With compose"), True),
        (GoldPlace("deploy-1"), True),
        (GoldPlace("deploy.md", 20, 30), True),
        (GoldPlace("deploy.md", 21, 30), False),
    ],
)
def test_gold_places_are_found_by_what_people_call_them(gold: GoldPlace, expected: bool) -> None:
    assert gold.is_at(PLACE) is expected
    signature = {"header": "json.dumps(obj, *, skipkeys=False)"}
    assert GoldPlace("json.dumps").is_at(signature)
    assert not GoldPlace("json.dump").is_at(signature)


def test_answers_are_judged_by_facts_or_else_by_where_they_come_from() -> None:
    other = PLACE | {"path": "other.md", "score": 2.0}
    reply = {"outcome": "answered", "reason": "", "answer": "Use `compose`  up.", "passages": [PLACE, other]}
    reply |= {"citations": [PLACE, other], "timings_ms": {}, "model": "m"}
    asked = Asked(1, "How?", (GoldPlace("docs/guide/deploy.md"),), ("compose up",))
    found = judge(asked, reply, 0.5)
    assert (found.rank, found.facts, found.cited_gold, found.right) == (2, True, [True, False], True)
    wrong = judge(Asked(1, "How?", asked.gold, ("kubectl",)), reply, 0.5)
    assert not wrong.right
    assert judge(Asked(1, "How?", asked.gold), reply, 0.5).right
    told = figures([found, wrong])
    assert (told["crag"]["value"], told["citation_precision"]["value"], told["mrr"]["value"]) == (0.0, 0.5, 0.5)
    refused = Judged(2, "?", False, "abstained", "", "", None, False, None, [], 0.1)
    assert figures([refused]) == {"refused": {"value": 1.0, "95%": [1.0, 1.0], "n": 1}}


def test_a_gate_forgives_the_tolerance_and_no_more() -> None:
    def told(value: float) -> dict[str, dict[str, Any]]:
        return {"hit@1": {"value": value, "95%": [0, 1], "n": 9}}

    assert drops(told(0.88), told(0.90), 0.02) == []
    assert drops(told(0.879), told(0.90), 0.02) == ["hit@1 fell from 0.9 to 0.879"]
    assert drops({}, told(0.9), 0.02) == ["hit@1 was 0.9 and is not measured any more"]
