"""Pleasantries get a fixed reply with questions to begin with; questions stay questions."""

import pytest
from askmesh_bot.answering.smalltalk import example_questions, reply, small_talk
from bot_passages import passage


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hi", "greeting"),
        ("Hello there!", "greeting"),
        ("Good morning everyone 👋", "greeting"),
        ("Guten Tag", "greeting"),
        ("thanks", "thanks"),
        ("Thank you so much, that helped!", "thanks"),
        ("merci beaucoup", "thanks"),
        ("ok", "agreement"),
        ("OK, great", "agreement"),
        ("that works now", "agreement"),
        ("👍", "agreement"),
        ("bye", "farewell"),
        ("See you later!", "farewell"),
        ("help", "about"),
        ("Who are you?", "about"),
        ("What can you do?", "about"),
        ("how does this work?", "about"),
        ("??", "about"),
    ],
)
def test_pleasantries_are_told(text: str, kind: str) -> None:
    assert small_talk(text) == kind


@pytest.mark.parametrize(
    "text",
    [
        "Hi, how do I read a file?",
        "ok and copying?",
        "thanks, and for bytes?",
        "How does it work with pathlib?",
        "Depends",
        "help(print)",
        "hello_world",
        "What is greeting?",
        "Why?",
        "Is it good?",
        "no",
        "test the parser",
        "404",
        "`ok`",
        "{}",
        "who do I tell about harassment",
        "good day rate in the handbook",
        "How do I say hello in the sample app?",
    ],
)
def test_questions_are_not(text: str) -> None:
    assert small_talk(text) is None


def test_questions_to_begin_with_are_made_of_headers() -> None:
    found = [
        passage(1, "askmesh › Deploy › Compose", document="a"),
        passage(2, "askmesh › Deploy › Swarm", document="a"),
        passage(3, "pathlib.Path.read_text(encoding=None)", document="b"),
        passage(7, "Guide › Add a source", document="f"),
        passage(4, "Forum › Why does it stop?", document="c"),
        passage(5, "Guide › [x](y) *z*", document="d"),
    ]
    evil = passage(6, "Guide › See http://evil.example @everyone", document="e")
    assert example_questions([evil]) == ["What is “See `http://evil.example` `@everyone`” about?"]
    examples = example_questions(found)
    assert examples == ["What does `pathlib.Path.read_text` do?", "How do I add a source?", "Why does it stop?"]
    assert example_questions(found[:2]) == ["What is “Compose” about?"]
    assert "- Why does it stop?" in reply("greeting", examples)
    assert "For example" not in reply("thanks", [])
