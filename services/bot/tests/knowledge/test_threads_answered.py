"""A chat from its export to an answer: cited by message, kept from others, gone when it is deleted."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

pytestmark = pytest.mark.models

QUESTION = "Which colour does the harbour lamp of Marram have?"


def thread(name: str, asked: str, *answers: str, **more: Any) -> dict[str, Any]:
    messages = [
        {"id": f"{name}-{n}", "author": f"bird{n}", "text": text, "url": f"https://chat/{name}#{n}"}
        for n, text in enumerate((asked, *answers), start=1)
    ]
    return {"id": name, "messages": messages} | more


def learn(bot: str, file: Path, *threads: dict[str, Any]) -> None:
    file.write_text("\n".join(map(json.dumps, threads)))
    body = {"kind": "threads", "location": str(file), "collection": "lamps", "stream": True}
    with httpx2.stream("POST", f"{bot}/v1/sources", json=body, timeout=60) as response:
        events = response.read().decode()
    assert '"state":"done"' in events, events


def ask(bot: str, question: str = QUESTION) -> dict[str, Any]:
    body = {"question": question, "collection": "lamps", "keep": False}
    answer: dict[str, Any] = httpx2.post(f"{bot}/v1/ask", json=body, timeout=60).json()
    return answer


def test_a_chat_from_its_export_to_an_answer_and_out_again(bot: str, tmp_path: Path) -> None:
    lamp = thread(
        "lamp",
        "Hello! Which colour does the harbour lamp have?",
        "The harbour lamp of Marram is red.",
        "That's outdated: since spring the harbour lamp of Marram is green.",
    )
    staff = thread(
        "safe", "What is the code of the harbour safe?", "The code of the harbour safe is 4711.", audience=["staff"]
    )
    learn(bot, tmp_path / "chat.jsonl", lamp, staff)
    answer = ask(bot)
    assert "green" in answer["answer"]
    assert "red" not in answer["answer"]
    assert answer["citations"][0]["url"] == "https://chat/lamp#1"
    assert answer["citations"][0]["kind"] == "thread"
    safe = ask(bot, "What is the code of the harbour safe?")
    assert "4711" not in json.dumps(safe)
    # The correction is edited, and the thread of the staff is deleted.
    lamp["messages"][2]["text"] = "That's outdated: since autumn the harbour lamp of Marram is blue."
    learn(bot, tmp_path / "chat.jsonl", lamp)
    answer = ask(bot)
    assert "blue" in answer["answer"]
    assert "green" not in json.dumps(answer)
    [source] = [
        row for row in httpx2.get(f"{bot}/v1/sources", timeout=60).json()["data"] if row["collection"] == "lamps"
    ]
    assert source["documents"] == 1
    assert httpx2.delete(f"{bot}/v1/sources/{source['id']}", timeout=60).json()["records"] == 1
