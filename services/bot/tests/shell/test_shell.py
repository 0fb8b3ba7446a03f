"""The `askmesh` command as a process, talking to a bot over the real services."""

import io
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from askmesh_bot.frontends.shell import asking, options
from rich.console import Console

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(bot: str, tmp_path: Path) -> Run:
    """Runs a command in an empty folder; `url` names another bot."""

    def go(*arguments: str, url: str = bot, stdin: str = "", **variables: str) -> "subprocess.CompletedProcess[str]":
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ASKMESH_")}
        code = "from askmesh_bot.frontends.shell import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=kept | {"ASKMESH_BOT_URL": url} | variables,
            cwd=tmp_path,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return go


def test_an_answer_has_sources_with_links_and_no_escape_codes(run: Run, bot: str) -> None:
    done = run("ask", "How do I read a whole text file into a string with pathlib?")
    assert done.returncode == 0, done.stderr
    assert "read_text" in done.stdout
    assert "\nSources\n[" in done.stdout
    assert "http" in done.stdout.partition("Sources")[2]
    assert "\x1b" not in done.stdout


def test_a_question_can_come_from_standard_input_and_the_answer_as_json(run: Run) -> None:
    done = run("ask", "--json", "-", stdin="How do I read a whole text file into a string with pathlib?\n")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["outcome"]) == (0, "answered")
    assert answer["citations"]


def test_an_abstention_has_its_own_exit_code(run: Run) -> None:
    done = run("ask", "What is the boiling point of tungsten?")
    assert done.returncode == 4
    assert "Nearest sources" in done.stdout or done.stdout


def test_a_conversation_goes_on(run: Run) -> None:
    first = json.loads(run("ask", "--json", "How do I read a whole text file with pathlib?").stdout)
    again = run("ask", "--json", "--conversation", first["conversation_id"], "And how do I write one?")
    assert json.loads(again.stdout)["conversation_id"] == first["conversation_id"]


def test_learn_list_sync_and_forget(run: Run, tmp_path: Path) -> None:
    docs = tmp_path / "manual"
    docs.mkdir()
    (docs / "a.md").write_text("# Widgets\n\nTurn the widget [red]twice[/red].\n")
    collection = f"shell-{os.getpid()}"
    empty = run("sources", "list", "--collection", collection)
    assert "Nothing has been learned yet" in empty.stdout
    learned = run("learn", "manual", "--collection", collection, "--title", "The manual", "--audience", "role:7")
    assert learned.returncode == 0, learned.stderr
    assert learned.stdout.startswith("The manual: 1 document, 1 chunk embedded")
    (row,) = json.loads(run("sources", "list", "--json", "--collection", collection).stdout)
    assert (row["title"], row["kind"], row["status"]) == ("The manual", "folder", "ready")
    assert row["audience"] == ["role:7"]
    listed = run("sources", "list", "--collection", collection).stdout
    assert listed.split("\t")[:3] == [row["id"], "The manual", "folder"]
    assert "nothing new" in run("sources", "sync", row["id"]).stdout
    assert "is forgotten" in run("sources", "forget", row["id"]).stdout
    assert run("sources", "forget", row["id"]).returncode == 1


def test_code_is_recognised_as_code(run: Run, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "m.py").write_text('def f():\n    """Does f."""\n')
    collection = f"kinds-{os.getpid()}"
    assert run("learn", "tree", "textwrap", "--collection", collection).returncode == 0
    kinds = {row["kind"] for row in json.loads(run("sources", "list", "--json", "-c", collection).stdout)}
    assert kinds == {"tree", "python"}
    for row in json.loads(run("sources", "list", "--json", "-c", collection).stdout):
        run("sources", "forget", row["id"])


def test_a_bot_that_is_not_there_is_named_with_the_remedy(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    done = run("ask", "hello", url=url)
    assert done.returncode == 3
    assert url in done.stderr
    assert "make up" in done.stderr
    assert "Traceback" not in done.stderr


def test_mistakes_are_told_without_a_traceback(run: Run) -> None:
    cases = [
        (("learn", "./nope"), 1, "not there"),
        (("learn", "no_such_package_x"), 1, "can't be learned"),
        (("learn", "a", "b", "--title", "T"), 2, "one location"),
        (("ask",), 2, "no question"),
        (("ask", "--conversation", "bad id", "x"), 1, "conversation_id"),
        (("sources", "sync", "nope"), 1, "no source"),
    ]
    for arguments, code, message in cases:
        done = run(*arguments)
        assert done.returncode == code, (arguments, done)
        assert message in done.stderr, (arguments, done.stderr)
        assert "Traceback" not in done.stderr


def test_status_shows_every_service(run: Run, bot: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        dead = f"http://127.0.0.1:{probe.getsockname()[1]}"
    done = run("status", ASKMESH_EMBEDDINGS_URL=dead, ASKMESH_VECTORDB_URL=dead, ASKMESH_LLM_URL=dead)
    rows = {line.split("\t")[0]: line.split("\t")[1] for line in done.stdout.splitlines()}
    assert rows == {"bot": "ready", "embeddings": "down", "vectordb": "down", "llm": "down"}
    assert done.returncode == 1


def test_status_finds_services_on_other_ports(run: Run, bot: str) -> None:
    done = run("status", ASKMESH_LLM_PORT=bot.rpartition(":")[2])
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert ["llm", "ready", bot] in [row[:3] for row in rows]


def test_ids_are_shown_whole_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = Console(width=60, force_terminal=True, record=True, file=io.StringIO())
    monkeypatch.setattr(options, "out", narrow)
    row = ["a-folder-of-documents-0123abcd", "A folder of documents", "folder", "default", "12", "345", "ready"]
    options.print_table(("id", "title", "kind", "collection", "documents", "chunks", "status"), [row])
    assert row[0] in narrow.export_text()


def test_a_place_cited_twice_is_listed_once(capsys: pytest.CaptureFixture[str]) -> None:
    one = {"number": 1, "header": "shutil.which()", "title": "shutil", "url": "http://localhost/read/a"}
    two = one | {"number": 2, "url": "http://localhost/read/b"}
    asking._sources({"outcome": "answered", "citations": [one, two, one], "passages": []})
    assert re.findall(r"^\[(\d)\]", capsys.readouterr().out, re.MULTILINE) == ["1", "2"]


def test_a_document_can_not_steer_the_terminal() -> None:
    from askmesh_bot.frontends.shell.screen import clean

    assert clean("a\x1b[31mred\x07\tb\nc\x9b") == "a[31mred\tb\nc"
