"""`POST /v1/ask` through the real services."""

import httpx2
import pytest
from bot_mesh import read_events

READ = "How do I read a whole text file into a string with pathlib?"
TUNGSTEN = "What is the boiling point of tungsten?"


def ask(bot: str, question: str, **body: object) -> dict[str, object]:
    response = httpx2.post(f"{bot}/v1/ask", json={"question": question, **body}, timeout=60)
    assert response.status_code == 200, response.text
    return response.json()


def test_a_question_is_answered_with_a_citation_that_opens_the_place(bot: str) -> None:
    answer = ask(bot, READ)
    assert answer["outcome"] == "answered"
    headers = [citation["header"] for citation in answer["citations"]]
    assert headers[0].startswith("pathlib.Path.read_text("), headers
    first = answer["citations"][0]
    assert f"[{first['number']}]" in answer["answer"]
    assert first["url"].startswith("http://127.0.0.1:8000/read/default/stdlib/pathlib.py#L")
    assert "text mode" in first["sentence"]
    assert {"embed", "search", "pack", "write", "total"} <= set(answer["timings_ms"])


def test_what_the_sources_do_not_hold_is_abstained_from_with_the_nearest_places(bot: str) -> None:
    answer = ask(bot, TUNGSTEN)
    assert answer["outcome"] == "abstained"
    assert answer["citations"] == []
    assert answer["passages"]
    assert answer["reason"]
    assert answer["reason"] in answer["answer"]


@pytest.mark.parametrize("accept", [True, False])
def test_the_same_answer_streams_as_events(bot: str, accept: bool) -> None:
    headers = {"Accept": "text/event-stream"} if accept else {}
    with httpx2.stream(
        "POST", f"{bot}/v1/ask", json={"question": READ, "stream": not accept}, headers=headers, timeout=60
    ) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = read_events(list(response.iter_lines()))
    names = [name for name, _ in events]
    assert names[0] == "status"
    assert names[-1] == "done"
    assert names.index("sources") < names.index("delta") < names.index("citation") < names.index("done")
    done = events[-1][1]
    assert "".join(data["text"] for name, data in events if name == "delta").strip() == done["answer"]
    assert done == ask(bot, READ) | {key: done[key] for key in ("conversation_id", "answer_id", "timings_ms")}
