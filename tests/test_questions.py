"""What the mesh is for: a cited answer from real documents, and none where they do not hold one."""

import re
from html import unescape
from typing import Any
from urllib.parse import urldefrag

import pytest
from running_mesh import PATHLIB_QUESTION, UNANSWERABLE_QUESTION, RunningMesh, until


def opened_lines(mesh: RunningMesh, citation: dict[str, Any]) -> str:
    """The text of the lines that a citation's link points at, as the page behind the link shows them."""
    url, fragment = urldefrag(citation["url"])
    page = mesh.client.get(url)
    assert page.status_code == 200, page.text
    first, last = map(int, re.fullmatch(r"L(\d+)-L(\d+)", fragment).groups())
    assert (first, last) == (citation["line_start"], citation["line_end"])
    found = []
    for number in range(first, last + 1):
        row = re.search(rf'id="L{number}"(.*?)(?=id="L{number + 1}"|</table|</ol|</pre|</main|$)', page.text, re.DOTALL)
        assert row, f"line {number} is not on the page"
        found.append(unescape(re.sub(r"<[^>]*>", "", row[1])))
    return "\n".join(found)


def test_a_question_the_documents_answer_is_answered_with_a_link_to_the_place(mesh: RunningMesh) -> None:
    answer = mesh.ask(PATHLIB_QUESTION)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["outcome"] == "answered"
    assert re.search(r"\[\d+\]", body["answer"])
    citation = next(found for found in body["citations"] if "read_text" in found["header"])
    assert f"[{citation['number']}]" in body["answer"]
    assert "def read_text" in opened_lines(mesh, citation) or "Open the file in text mode" in opened_lines(
        mesh, citation
    )


def test_a_question_they_do_not_answer_is_abstained_from(mesh: RunningMesh) -> None:
    body = mesh.ask(UNANSWERABLE_QUESTION).json()
    assert body["outcome"] == "abstained"
    assert body["citations"] == []
    assert body["reason"]


@pytest.mark.parametrize(
    ("question", "words", "path"),
    [
        ("When are the office hours?", ["Thursday", "15:00"], "welcome.md"),
        ("How much storage does each project get?", ["250 GB"], "guides/quota.md"),
    ],
)
def test_markdown_files_are_answered_from(mesh: RunningMesh, question: str, words: list[str], path: str) -> None:
    body = mesh.ask(question).json()
    assert body["outcome"] == "answered", body
    assert all(word in body["answer"] for word in words)
    citation = body["citations"][0]
    assert citation["path"] == path
    assert all(word in opened_lines(mesh, citation) for word in words)


def test_the_answer_streams(mesh: RunningMesh) -> None:
    events = mesh.ask_streaming(PATHLIB_QUESTION)
    names = [name for name, _ in events]
    assert names[0] == "status"
    assert names.index("sources") < names.index("delta") < names.index("done") == len(names) - 1
    done = events[-1][1]
    assert done["outcome"] == "answered"
    assert "".join(data["text"] for name, data in events if name == "delta").strip() == done["answer"].strip()


def test_a_follow_up_is_understood_from_the_conversation(mesh: RunningMesh) -> None:
    first = mesh.ask(PATHLIB_QUESTION).json()
    again = mesh.client.post(
        "/v1/ask", json={"question": "And how do I write one?", "conversation_id": first["conversation_id"]}
    ).json()
    assert again["conversation_id"] == first["conversation_id"]
    assert any("write_text" in passage["header"] for passage in again["passages"]), again["passages"]


def test_one_request_id_is_in_all_four_logs(mesh: RunningMesh) -> None:
    mesh.client.post("/v1/ask", json={"question": "What does json.dumps do?"}, headers={"x-request-id": "follow-me"})
    logs = mesh.directory / ".askmesh" / "logs"
    for name in ("bot", "embeddings", "vectordb", "llm"):
        log = logs / f"{name}.log"
        # The access line is written just after the answer.
        until(lambda log=log: "follow-me" in log.read_text(), what=f"the request id in {log.name}")


SHELL = ("-c", "from askmesh_bot.frontends.shell import main; main()")


def test_the_shell_answers_with_links(mesh: RunningMesh) -> None:
    asked = mesh.run(*SHELL, "ask", PATHLIB_QUESTION)
    assert asked.returncode == 0, asked.stderr
    assert "read_text" in asked.stdout
    assert f"{mesh.urls['bot']}/read/default/" in asked.stdout


def test_the_shell_abstains(mesh: RunningMesh) -> None:
    asked = mesh.run(*SHELL, "ask", UNANSWERABLE_QUESTION)
    assert asked.returncode == 4, asked.stdout + asked.stderr
