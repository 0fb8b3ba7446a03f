"""Text of four times the length takes about four times as long, whatever it repeats: it is read in the event loop."""

import asyncio
import math
import time
from collections.abc import Callable

import pytest
from askmesh_bot.answering.citations import CitationCheck
from askmesh_bot.answering.figures import figures
from askmesh_bot.answering.markup import clean, fenced
from askmesh_bot.answering.polarity import Claims
from askmesh_bot.answering.sentences import Piece, SentenceSplitter
from askmesh_bot.answering.support import Evidence
from bot_passages import STRICT, never_close, passages

# What is quadratic in Python takes minutes at this length, what is so in a pattern about half a second.
LONG = 20_000
# Linear is 4 and quadratic 16. What takes less than this is too short to compare, and no harm.
MOST_RATIO, SHORT_S, TRIES = 8, 0.1, 8
UNITS = [
    "_", "a_", "0x", "é", "A", "1", "1.", "http", "data", "-", "--a", "a.b", "+", "a-", "\\", " ", "\t", "a@", "#", "![", "[", "[[",
    "[a](", "[a][", "[1", "a[1]", "<", "<!", "&", "&#1", "`", "`a", "~", "a.\n", "e.g. ", "a`.", "a\n", "\n", "?", "a. [1]", "| ",
]  # fmt: skip
WHOLE = ["[" * (LONG // 6) + "](a)" * (LONG // 6), "&" + "amp;" * (LONG // 4), "&#" + "1" * LONG, "&#x" + "f" * LONG]


def seconds(work: Callable[[str], object], text: str) -> float:
    """Of the processor, in this thread: servers of other tests run in others."""
    began = time.thread_time()
    work(text)
    return time.thread_time() - began


def assert_linear(work: Callable[[str], object], text: str) -> None:
    """Most are done with the first run. Of the others the best of several counts: others use this machine."""
    long, short = seconds(work, text), math.inf
    for _ in range(TRIES):
        if long < SHORT_S:
            return
        short = min(short, seconds(work, text[: len(text) // 4]))
        long = min(long, seconds(work, text))
        if long / short < MOST_RATIO:
            return
    raise AssertionError(f"{long:.3f} s, and {short:.3f} s for a quarter of it")


def split_at_once(text: str) -> None:
    SentenceSplitter().feed(text)


def split_streamed(text: str) -> None:
    splitter = SentenceSplitter()
    for start in range(0, len(text), 100):
        splitter.feed(text[start : start + 100])
    splitter.end()


@pytest.mark.parametrize("text", [unit * (LONG // len(unit)) for unit in UNITS] + WHOLE, ids=lambda text: text[:8])
def test_cleaning_is_linear(text: str) -> None:
    assert_linear(lambda text: clean(text, "argv[1]"), text)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("split", [split_at_once, split_streamed])
def test_splitting_is_linear(split: Callable[[str], object], unit: str) -> None:
    assert_linear(split, unit * (LONG // len(unit)))


@pytest.mark.parametrize("opening", ["```", "```\n", "a\n~~~\n"])
@pytest.mark.parametrize("unit", ["a", "\n", "\n ", "``\n", " ", "`", "~"])
def test_code_blocks_are_read_in_linear_time(opening: str, unit: str) -> None:
    text = opening + unit * (LONG // len(unit))
    assert_linear(split_streamed, text)
    assert_linear(fenced, text)


@pytest.mark.parametrize("language", ["python", "sh"])
@pytest.mark.parametrize("unit", [*UNITS, "-a ", "a ", "= ", "$(", "for ", "'", '"', "// ", "a=", "a://"])
def test_code_blocks_are_checked_in_linear_time(language: str, unit: str) -> None:
    check = CitationCheck(passages(), STRICT, never_close)
    block = f"```{language}\na " + unit * (LONG // 3 // len(unit))
    assert_linear(lambda text: asyncio.run(check.check(Piece("code", text))), block)


@pytest.mark.parametrize("unit", [*UNITS, "not ", "n't", "1 to ", "-1", "1_", "0x", "1,", "and ", "un"])
def test_sentences_are_checked_in_linear_time(unit: str) -> None:
    text = unit * (LONG // 3 // len(unit))
    assert_linear(figures, text)
    evidence = Evidence(passages())
    assert_linear(evidence.contradicts, text)
    assert_linear(lambda text: Claims.of([text]), text)


@pytest.mark.parametrize("unit", UNITS)
def test_long_pieces_are_the_same_however_the_text_arrives(unit: str) -> None:
    text = unit * (5000 // len(unit))
    found = []
    for size in (7, 1999, len(text)):
        splitter = SentenceSplitter()
        streamed = [piece for start in range(0, len(text), size) for piece in splitter.feed(text[start : start + size])]
        found.append([*streamed, *splitter.end()])
    assert found[0] == found[1] == found[2]
    assert "".join(piece.text for piece in found[0]) == text
