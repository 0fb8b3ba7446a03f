"""Conversations, feedback and overload over HTTP."""

import threading
from typing import Any

import httpx2
import pytest
from bot_mesh import ScriptedLlm, until

READ = "How do I read a whole text file into a string with pathlib?"


def ask(bot: str, question: str, **body: object) -> dict[str, Any]:
    response = httpx2.post(f"{bot}/v1/ask", json={"question": question, **body}, timeout=60)
    assert response.status_code == 200, response.text
    return response.json()


def test_a_follow_up_is_understood_from_the_conversation(bot: str) -> None:
    first = ask(bot, READ)
    second = ask(bot, "And for bytes?", conversation_id=first["conversation_id"])
    assert second["conversation_id"] == first["conversation_id"]
    assert second["outcome"] == "answered"
    headers = [citation["header"] for citation in second["citations"]]
    assert any("bytes" in header and header.startswith("pathlib.") for header in headers), headers


def test_a_conversation_can_be_read_and_forgotten(bot: str) -> None:
    first = ask(bot, READ)
    url = f"{bot}/v1/conversations/{first['conversation_id']}"
    (kept,) = httpx2.get(url, timeout=60).json()["answers"]
    assert kept["question"] == READ
    assert {key: kept[key] for key in first} == first
    assert httpx2.delete(url, timeout=60).status_code == 204
    assert httpx2.get(url, timeout=60).status_code == 404
    assert httpx2.delete(url, timeout=60).status_code == 204
    again = ask(bot, READ, conversation_id=first["conversation_id"])
    assert len(httpx2.get(url, timeout=60).json()["answers"]) == 1
    assert again["conversation_id"] == first["conversation_id"]


@pytest.mark.parametrize("name", ["discord:1", "x" * 32, "%00", "A" * 32])
def test_only_ids_given_here_name_a_conversation(bot: str, name: str) -> None:
    assert httpx2.get(f"{bot}/v1/conversations/{name}", timeout=60).status_code == 400


def test_feedback_is_taken_for_answers_that_were_given(bot: str) -> None:
    answer = ask(bot, READ)
    body = {"answer_id": answer["answer_id"], "verdict": "up"}
    assert httpx2.post(f"{bot}/v1/feedback", json=body, timeout=60).status_code == 204
    assert (
        httpx2.post(f"{bot}/v1/feedback", json=body | {"verdict": "down", "reason": "no"}, timeout=60).status_code
        == 204
    )
    assert httpx2.post(f"{bot}/v1/feedback", json=body | {"answer_id": "unknown"}, timeout=60).status_code == 404
    assert httpx2.post(f"{bot}/v1/feedback", json=body | {"verdict": "meh"}, timeout=60).status_code == 400


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"question": "   "}, 400, "question_empty"),
        ({"question": "x" * 2001}, 400, "question_too_long"),
        ({"question": "x", "collection": "Not Valid"}, 400, "invalid_request"),
        ({"question": "x", "collection": "unknown"}, 404, "nothing_learned"),
        ({}, 400, "invalid_request"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_question_that_can_not_be_asked(bot: str, body: dict[str, Any], status: int, code: str, stream: bool) -> None:
    response = httpx2.post(f"{bot}/v1/ask", json=body | {"stream": stream}, timeout=60)
    if stream and code == "nothing_learned":
        assert f'"code": "{code}"' in response.text
        return
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == code


def test_hostile_json_is_refused(bot: str) -> None:
    for body in (b'{"question": "\\ud800"}', b'{"question": "\\u0000"}', b'{"question": NaN}', b"[" * 900, b"\xff"):
        response = httpx2.post(f"{bot}/v1/ask", content=body, headers={"content-type": "application/json"}, timeout=60)
        assert response.status_code == 400


@pytest.mark.parametrize("stream", [False, True])
def test_more_questions_than_can_be_answered_get_a_429(scripted: ScriptedLlm, scripted_bot: Any, stream: bool) -> None:
    scripted.reply, scripted.holds = "word " * 60, True
    bot = scripted_bot(concurrent_answers=1, waiting_answers=0)
    busy = threading.Thread(target=ask, args=(bot, READ))
    busy.start()
    try:
        until(lambda: bool(scripted.requests))
        response = httpx2.post(f"{bot}/v1/ask", json={"question": READ, "stream": stream}, timeout=60)
    finally:
        scripted.holds = False
        busy.join()
    assert response.status_code == 429
    assert response.json()["code"] == "overloaded"
    assert int(response.headers["retry-after"]) >= 1
