"""A model completes follow-ups where it can; what it writes is searched for only if people spoke of it."""

from collections.abc import Callable

import httpx2
import pytest
from askmesh_bot.answering.base import Turn
from askmesh_bot.answering.llm_rewrite import messages, plausible
from bot_mesh import ScriptedLlm

HISTORY = [Turn("How do I read a text file with pathlib?", "Call `Path.read_text()` [1].")]
QUESTION = "And as bytes?"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("How do I read a file as bytes with pathlib?", "How do I read a file as bytes with pathlib?"),
        ('Standalone question: "How do I read bytes with pathlib?"', "How do I read bytes with pathlib?"),
        ("How do I read bytes with pathlib?\nHere I explain it.", "How do I read bytes with pathlib?"),
        # A plain word may be added.
        ("How do I read a whole file as bytes with pathlib?", "How do I read a whole file as bytes with pathlib?"),
        # Not what was asked, from nowhere, an answer, too much, nothing.
        ("How do I read a text file with pathlib?", ""),
        ("How do I read bytes with numpy.fromfile?", ""),
        ("How do I decode bytes of images from telescopes?", ""),
        ("NOT_IN_SOURCES", ""),
        ("Call Path.read_bytes() of Python 3.5.", ""),
        ("bytes " * 100, ""),
        ("", ""),
        ("?!", ""),
    ],
)
def test_only_plausible_questions_are_taken(written: str, expected: str) -> None:
    assert plausible(written, QUESTION, HISTORY) == expected


def test_the_conversation_is_told_in_brief_without_markers() -> None:
    told = messages(QUESTION, [Turn("word " * 200, "Answer [1]."), Turn("Unanswered?", "")])[1]["content"]
    assert len(told) < 500
    assert "Answer: Answer." in told
    assert told.endswith("Question: Unanswered?\nLast question: And as bytes?")


def is_rewriting(told: list[dict[str, str]]) -> bool:
    return told[0]["content"].startswith("Rewrite")


def converse(url: str) -> dict[str, str]:
    first = httpx2.post(f"{url}/v1/ask", json={"question": HISTORY[0].question}, timeout=60).json()
    body = {"question": QUESTION, "conversation_id": first["conversation_id"]}
    answer: dict[str, str] = httpx2.post(f"{url}/v1/ask", json=body, timeout=60).json()
    return answer


@pytest.mark.models
def test_a_follow_up_is_searched_and_asked_as_the_model_completed_it(
    scripted_bot: Callable[..., str], scripted: ScriptedLlm
) -> None:
    completed = "How do I read a file as bytes with pathlib?"
    scripted.reply = lambda told: completed if is_rewriting(told) else "Open the file in bytes mode [1]."
    answer = converse(scripted_bot())
    assert "rewrite" in answer["timings_ms"]
    rewriting = [is_rewriting(request["messages"]) for request in scripted.requests]
    assert rewriting == [False, True, False]
    assert scripted.requests[-1]["messages"][-1]["content"].endswith(f"Question: {completed}")


@pytest.mark.models
@pytest.mark.parametrize("mode", ["nonsense", "slow", "broken", "rules"])
def test_the_rules_do_where_the_model_does_not(
    scripted_bot: Callable[..., str], scripted: ScriptedLlm, mode: str
) -> None:
    def reply(told: list[dict[str, str]]) -> str:
        scripted.pause_s = 20.0 if mode == "slow" and is_rewriting(told) else 0.0
        scripted.breaks_after = 0 if mode == "broken" and is_rewriting(told) else None
        return "Telescopes of Jupiter see it all." if is_rewriting(told) else "Open the file in bytes mode [1]."

    scripted.reply = reply
    settings = {"rewrite": "rules"} if mode == "rules" else {"rewrite_timeout_s": 2.0 if mode == "slow" else 20.0}
    answer = converse(scripted_bot(**settings))
    assert answer["outcome"] in {"answered", "abstained"}
    asked = [request["messages"] for request in scripted.requests if not is_rewriting(request["messages"])]
    assert "Question: And as bytes?\n(About: " in asked[-1][-1]["content"]
    assert (len(scripted.requests) == 2) == (mode == "rules")
