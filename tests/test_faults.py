"""With any one service dead, the bot says so at once, and answers again when it is back."""

import time

import pytest
from running_mesh import PATHLIB_QUESTION, PATIENCE_S, RunningMesh, until


def answers_again(mesh: RunningMesh) -> bool:
    answer = mesh.ask(PATHLIB_QUESTION)
    return answer.status_code == 200 and answer.json()["outcome"] == "answered"


@pytest.mark.parametrize("name", ["embeddings", "vectordb"])
def test_a_dead_service_is_named_at_once_and_forgiven(mesh: RunningMesh, name: str) -> None:
    bot = mesh.pid("bot")
    with mesh.without(name):
        began = time.monotonic()
        answer = mesh.ask(PATHLIB_QUESTION)
        assert time.monotonic() - began < PATIENCE_S / 2
        if answer.status_code == 200:
            # Words alone still find passages; an answer from them is as good as its citations.
            assert name == "embeddings"
            assert answer.json()["outcome"] in {"answered", "abstained", "sources_only"}
        else:
            problem = answer.json()
            assert answer.status_code == 503
            assert name in problem["detail"]
            assert problem["fix"]
        report = until(lambda: (report := mesh.client.get("/readyz")).status_code == 200 and report)
        assert report.json()["status"] == "degraded"
        assert not report.json()["checks"][name]["ok"]
        events = mesh.ask_streaming(PATHLIB_QUESTION)
        assert events[-1][0] in {"error", "done"}
        if events[-1][0] == "error":
            assert events[-1][1]["retryable"] is True
    until(lambda: answers_again(mesh), what="an answer")
    assert mesh.pid("bot") == bot


def test_without_the_llm_the_sources_themselves_are_the_answer(mesh: RunningMesh) -> None:
    bot = mesh.pid("bot")
    with mesh.without("llm"):
        began = time.monotonic()
        answer = mesh.ask(PATHLIB_QUESTION)
        assert time.monotonic() - began < PATIENCE_S / 2
        body = answer.json()
        assert (answer.status_code, body["outcome"]) == (200, "sources_only")
        assert any("read_text" in passage["header"] for passage in body["passages"])
        assert body["reason"]
    until(lambda: answers_again(mesh), what="an answer")
    assert mesh.pid("bot") == bot


def test_the_bot_itself_comes_back(mesh: RunningMesh) -> None:
    with mesh.without("bot"):
        pass
    until(lambda: answers_again(mesh), what="an answer")


def test_a_bot_that_starts_with_everything_down_serves_and_says_so(another_mesh) -> None:
    # Three addresses where nobody listens.
    dead = {f"ASKMESH_{name}_URL": "http://127.0.0.1:9" for name in ("EMBEDDINGS", "VECTORDB", "LLM")}
    lonely = another_mesh(**dead)
    lonely.script("up", "--no-learn", "--wait", "1")
    until(lambda: lonely.ready("bot"), what="a bot")
    answer = lonely.ask(PATHLIB_QUESTION)
    # It has not learned anything, and says how to.
    assert answer.status_code == 404
    assert "learn" in answer.json()["fix"]
    assert lonely.client.get("/").status_code == 200
    until(lambda: lonely.client.get("/readyz").json()["status"] == "degraded", what="a bot without the others")
