"""`askmesh ask --batch`: resumed after a kill, rows that can't be asked are told by their lines."""

import csv
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from askmesh_bot.frontends.shell.answer_files import COLUMNS, AnswerFile
from askmesh_bot.frontends.shell.client import DOWN, BotClient, Trouble
from askmesh_bot.frontends.shell.commands import app
from askmesh_bot.frontends.shell.many import ask_all
from askmesh_bot.frontends.shell.questions import read_questions
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from typer.testing import CliRunner

KNOWN = "How do I read a whole text file into a string with pathlib?"
UNKNOWN = "What is the boiling point of tungsten?"


def askmesh(url: str, *arguments: object) -> Any:
    return CliRunner().invoke(app, [*map(str, arguments), "--url", url])


class CountingBot:
    """Answers /v1/ask, and can be told to be busy, down or rude."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.most_at_once = self._now = 0
        self.status: dict[str, list[int]] = {}
        bot, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                question = json.loads(self.rfile.read(int(self.headers["content-length"])))["question"]
                with lock:
                    bot.asked.append(question)
                    bot._now += 1
                    bot.most_at_once = max(bot.most_at_once, bot._now)
                    status = bot.status.get(question, [])
                    code = status.pop(0) if status else 200
                body = json.dumps(reply(question) if code == 200 else {"detail": "No.", "code": "no"}).encode()
                with lock:
                    bot._now -= 1
                self.send_response(code)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


def reply(question: str) -> dict[str, Any]:
    place = {"number": 1, "header": "Guide", "url": "http://x/guide", "path": "guide.md", "document": "guide.md"}
    return {
        "outcome": "answered",
        "answer": f"=1+1 to {question} [1]",
        "reason": "",
        "citations": [place, place],
        "passages": [place],
        "model": "m",
        "answer_id": "a1",
    }


@pytest.fixture
def counting() -> Iterator[CountingBot]:
    bot = CountingBot()
    thread = threading.Thread(target=lambda: bot.server.serve_forever(poll_interval=0.02))
    thread.start()
    yield bot
    bot.server.shutdown()
    thread.join()
    bot.server.server_close()


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, *questions: str) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["question"], *([text] for text in questions)])
    return path


@pytest.mark.models
def test_questions_are_answered_in_order_with_their_citations(bot: str, tmp_path: Path) -> None:
    done = askmesh(bot, "ask", "--batch", write(tmp_path / "q.csv", KNOWN, UNKNOWN))
    assert done.exit_code == 0, done.output
    found = rows(tmp_path / "q-answers.csv")
    assert [(row["line"], row["outcome"]) for row in found] == [("2", "answered"), ("3", "abstained")]
    assert found[0]["citations"].startswith("[1] ")
    assert "http" in found[0]["citations"]
    assert found[0]["answer_id"]
    assert found[1]["reason"]
    assert "1 answered, 1 abstained" in done.output


def test_a_killed_run_goes_on_after_its_last_whole_row(counting: CountingBot, tmp_path: Path) -> None:
    questions, answers = write(tmp_path / "q.csv", *(f"Question {n}?" for n in range(9))), tmp_path / "a.csv"
    assert askmesh(counting.url, "ask", "--batch", questions, "-o", answers).exit_code == 0
    whole = answers.read_bytes()
    for cut in (len(whole) - 1, len(whole) - 30, len(whole) // 2, len(",".join(COLUMNS)) + 4):
        answers.write_bytes(whole[:cut])
        counting.asked.clear()
        done = askmesh(counting.url, "ask", "--batch", questions, "-o", answers)
        assert done.exit_code == 0, done.output
        assert [row["line"] for row in rows(answers)] == [str(line) for line in range(2, 11)]
        assert 0 < len(counting.asked) <= 9
    counting.asked.clear()
    assert "nothing new" in askmesh(counting.url, "ask", "--batch", questions, "-o", answers).output
    assert counting.asked == []
    askmesh(counting.url, "ask", "--batch", questions, "-o", answers, "--fresh")
    assert len(counting.asked) == 9


def test_json_lines_out_and_no_more_workers_than_said(counting: CountingBot, tmp_path: Path) -> None:
    questions = write(tmp_path / "q.csv", *(f"Question {n}?" for n in range(12)))
    done = askmesh(counting.url, "ask", "--batch", questions, "-o", tmp_path / "a.jsonl", "--workers", 3)
    assert done.exit_code == 0
    found = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [row["line"] for row in found] == list(range(2, 14))
    assert found[0]["citations"] == "[1] Guide http://x/guide"
    assert counting.most_at_once <= 3


def test_no_cell_is_a_formula(counting: CountingBot, tmp_path: Path) -> None:
    questions = write(tmp_path / "q.csv", "=cmd|' /C calc'!A0", "@SUM(1)")
    for _ in range(2):
        assert askmesh(counting.url, "ask", "--batch", questions).exit_code == 0
    assert len(counting.asked) == 2
    for row in rows(tmp_path / "q-answers.csv"):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row.values())


def test_rows_that_can_not_be_asked_are_told_by_their_lines(counting: CountingBot, tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text(
        '\ufeffQuestion;answerable\nOne?;yes\n;yes\n"Two\nlines?";\nThree?;perhaps\n\nFour?;no\n'
    )
    counting.status["Four?"] = [400]
    done = askmesh(counting.url, "ask", "--batch", tmp_path / "q.csv")
    assert done.exit_code == 1
    assert "line 3: there is no question" in done.output
    assert "line 6: `answerable` is 'perhaps'" in done.output
    assert "2 answered, 1 error; 2 rows could not be asked" in done.output
    assert [(row["line"], row["outcome"]) for row in rows(tmp_path / "q-answers.csv")] == [
        ("2", "answered"),
        ("4", "answered"),
        ("8", "error"),
    ]
    # What went wrong is asked again, and no more than that.
    counting.asked.clear()
    askmesh(counting.url, "ask", "--batch", tmp_path / "q.csv")
    assert counting.asked == ["Four?"]


def test_a_busy_bot_is_waited_for_and_a_lost_one_stops_the_run(counting: CountingBot) -> None:
    client, lost = BotClient(counting.url, SecretStr("")), BotClient("http://127.0.0.1:1", SecretStr(""))
    counting.status["One?"] = [429]
    assert [isinstance(found, dict) for found, _ in ask_all(client, [{"question": "One?"}], workers=1)] == [True]
    counting.status["Two?"] = [503] * 9
    with pytest.raises(Trouble):
        list(ask_all(client, [{"question": "Two?"}], workers=1, patience_s=0.1))
    with pytest.raises(Trouble) as trouble:
        list(ask_all(lost, [{"question": "Three?"}], workers=2, patience_s=0.1))
    assert trouble.value.exit_code == DOWN


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("q.csv", b"text\nhi\n", "no column `question`"),
        ("q.csv", b"question\n", "holds no questions"),
        ("q.csv", b"question\nOne?\nTw\xff?\n", "line 3 is not UTF-8"),
        ("gone.csv", None, "can't be read"),
        ("q.jsonl", b"", "holds no questions"),
    ],
)
def test_files_that_hold_no_questions(tmp_path: Path, name: str, data: bytes | None, said: str) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    done = askmesh("http://127.0.0.1:1", "ask", "--batch", tmp_path / name)
    assert done.exit_code == 2
    assert said in done.output


def test_nothing_else_is_overwritten(counting: CountingBot, tmp_path: Path) -> None:
    questions = write(tmp_path / "q.csv", "One?")
    assert askmesh(counting.url, "ask", "--batch", questions, "-o", questions).exit_code == 2
    for name, text in (("other.csv", "name,age\nAnn,3\n"), ("notes.csv", "my notes"), ("notes.jsonl", "my notes")):
        (tmp_path / name).write_text(text)
        done = askmesh(counting.url, "ask", "--batch", questions, "-o", tmp_path / name)
        assert (done.exit_code, (tmp_path / name).read_text()) == (2, text)
    askmesh(counting.url, "ask", "--batch", questions)
    write(questions, "Another?")
    assert "answers other questions" in askmesh(counting.url, "ask", "--batch", questions).output
    assert askmesh(counting.url, "ask", "a question", "--batch", questions).exit_code == 2
    assert askmesh(counting.url, "ask").exit_code == 2


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8"))), max_size=5
    ),
    st.floats(0, 1),
    st.sampled_from(["a.csv", "a.jsonl"]),
)
def test_any_answers_come_back_whole_wherever_the_file_was_cut(
    tmp_path: Path, told: list[tuple[str, str]], share: float, name: str
) -> None:
    path = tmp_path / name
    with AnswerFile(path, fresh=True) as file:
        for line, (question, answer) in enumerate(told):
            file.write({"line": line, "question": question, "outcome": "answered", "answer": answer})
    data = path.read_bytes()
    with AnswerFile(path, fresh=False) as file:
        assert all(file.holds(line, question) for line, (question, _) in enumerate(told))
    assert path.read_bytes() == data
    start = len(data.partition(b"\n")[0]) + 1
    path.write_bytes(data[: start + int(share * max(0, len(data) - start))])
    with AnswerFile(path, fresh=False) as file:
        held = [file.holds(line, question) for line, (question, _) in enumerate(told)]
    # What was cut off is lost, and everything before it is there.
    assert held == sorted(held, reverse=True)
    assert data.startswith(path.read_bytes())


@settings(max_examples=60)
@given(st.text(st.characters(codec="utf-8"), max_size=200), st.sampled_from(["q.csv", "q.jsonl"]))
def test_any_file_is_read_or_refused(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / name).write_text(f"question,gold\n{text}" if name == "q.csv" else text, encoding="utf-8", newline="")
    try:
        good, bad = read_questions(tmp_path / name)
    except Trouble:
        return
    assert all(row.line >= 1 for row in (*good, *bad))
