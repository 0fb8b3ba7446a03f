"""What people write who do not write questions as a manual would: over the real services."""

from typing import Any

import httpx2
import pytest


def ask(url: str, question: str, conversation: str = "") -> dict[str, Any]:
    body = {"question": question} | ({"conversation_id": conversation} if conversation else {})
    answer: dict[str, Any] = httpx2.post(f"{url}/v1/ask", json=body, timeout=60).raise_for_status().json()
    return answer


@pytest.mark.parametrize("text", ["hello!", "thanks", "ok"])
def test_pleasantries_get_examples_that_are_answered(bot: str, text: str) -> None:
    answer = ask(bot, text)
    assert (answer["outcome"], answer["citations"]) == ("answered", [])
    examples = [line[2:] for line in answer["answer"].splitlines() if line.startswith("- ")]
    assert examples
    assert ask(bot, examples[0])["outcome"] == "answered"


def test_a_misspelled_word_is_put_right_and_told(bot: str) -> None:
    right = ask(bot, "How do I remove a directory tree recursively?")
    wrong = ask(bot, "How do I remove a direcotry tree recursivley?")
    assert wrong["outcome"] == right["outcome"] == "answered"
    assert wrong["answer"].startswith("*I read “direcotry” as “directory” and “recursivley” as “recursively”.*\n\n")
    assert {one["id"] for one in wrong["citations"]} == {one["id"] for one in right["citations"]}


def test_a_name_a_slip_away_is_offered_and_not_answered(bot: str) -> None:
    answer = ask(bot, "What does `Path.raed_text` return?")
    assert answer["outcome"] == "abstained"
    assert answer["answer"].endswith("did you mean `pathlib.Path.read_text`?")


def test_another_action_is_asked_of_the_same_thing(bot: str) -> None:
    first = ask(bot, "How do I write text into a file with pathlib?")
    assert first["citations"][0]["header"].startswith("pathlib.Path.write_text(")
    assert ask(bot, "thanks!", first["conversation_id"])["citations"] == []
    second = ask(bot, "and read?", first["conversation_id"])
    assert second["citations"][0]["header"].startswith("pathlib.Path.read_text(")
