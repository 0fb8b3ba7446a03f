"""The splitter loses nothing and does not depend on how the text arrives."""

import pytest
from askmesh_bot.answering.sentences import SentenceSplitter
from hypothesis import given, settings
from hypothesis import strategies as st

FRAGMENTS = st.sampled_from([
    "One. ", "e.g. this", " [1]", "[2][3]", ".", "!", "\n", "\n\n", "```", "```python\n", "\n```\n", "~~~", "- ", "1. ",
    "# Head\n", "`a.b`", "`", "3.11", " Next", "| a | b |\n", "“Quoted.”", "。好", "    ", "x", "…", "[", "1]", "\t", "> ",
])  # fmt: skip
MARKDOWN = st.lists(st.one_of(FRAGMENTS, st.text(max_size=8)), max_size=30).map("".join)


def pieces(parts: list[str]) -> list[tuple[str, str]]:
    splitter = SentenceSplitter()
    found = [piece for part in parts for piece in splitter.feed(part)]
    return [(piece.kind, piece.text) for piece in (*found, *splitter.end())]


@settings(deadline=None)
@given(MARKDOWN)
def test_pieces_joined_are_the_text(text: str) -> None:
    assert "".join(piece for _, piece in pieces([text])) == text


@given(MARKDOWN, st.integers(1, 9))
def test_pieces_are_the_same_however_the_text_arrives(text: str, size: int) -> None:
    streamed = [text[start : start + size] for start in range(0, len(text), size)]
    assert pieces(streamed) == pieces([text])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three", ["One. ", "Two! ", "Three"]),
        ("Open it. [1] Close it.[2][3] Done.", ["Open it. [1] ", "Close it.[2][3] ", "Done."]),
        ("Use e.g. Path.read_text for 3.11. Then stop.", ["Use e.g. Path.read_text for 3.11. ", "Then stop."]),
        ("It wraps\nhere and ends. [1]", ["It wraps\nhere and ends. [1]"]),
        ("- first\n- second\n\nEnd", ["- first\n", "- second\n", "\n", "End"]),
        ("1. First one. 2. no", ["1. First one. ", "2. no"]),
        ("See:\n```py\nx = 1. \n```\nAfter.", ["See:\n", "```py\nx = 1. \n```\n", "After."]),
        ("Call `a. b` now. Yes.", ["Call `a. b` now. ", "Yes."]),
        ("# Title\nText.", ["# Title\n", "Text."]),
        ("一句。二句。", ["一句。", "二句。"]),
        ("~~~\nopen", ["~~~\nopen"]),
    ],
)
def test_borders(text: str, expected: list[str]) -> None:
    assert [piece for _, piece in pieces([text])] == expected


def test_a_sentence_without_end_is_cut_so_that_memory_is_bounded() -> None:
    splitter = SentenceSplitter()
    found = splitter.feed("word " * 2000)
    assert found
    assert all(len(piece.text) <= 2000 for piece in found)


def test_only_fenced_blocks_are_code() -> None:
    kinds = [kind for kind, _ in pieces(["Text `code`.\n\n```\nblock\n```\n"])]
    assert kinds == ["prose", "space", "space", "code"]
