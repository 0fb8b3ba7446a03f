"""A sentence that turns a passage round, or its number into another, is not shown."""

import pytest
from askmesh_bot.answering.citations import CitationCheck
from askmesh_bot.answering.figures import figures
from askmesh_bot.answering.sentences import Piece
from bot_passages import STRICT, never_close, passage

pytestmark = pytest.mark.anyio

WIDGET = "To frobnicate a widget you call `frobnicate()` with the flag set to 7."
DENIED = "You must not close the loop while tasks run. Without a token the server can't accept requests."
MIXED = (
    "Set the pool size to -1 for no limit, or to between 10 and 60 percent of memory. Masks such as 0x1F are accepted."
)


async def shown(sentence: str, text: str) -> bool:
    check = CitationCheck([passage(1, "", text)], STRICT, never_close)
    return await check.check(Piece("prose", sentence)) is not None


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        ("To frobnicate a widget you do **not** call `frobnicate()` with the flag set to 7. [1]", WIDGET),
        ("To frobnicate a widget you **never** call `frobnicate()` with the flag set to 7. [1]", WIDGET),
        ("To frobnicate a widget you n*o*t call `frobnicate()` with the flag set to 7. [1]", WIDGET),
        ("You don't call `frobnicate()` with the flag set to 7. [1]", WIDGET),
        ("You cannot frobnicate a widget with the flag. [1]", WIDGET),
        ("You can frobnicate a widget without calling `frobnicate()`. [1]", WIDGET),
        ("Never, ever, frobnicate a widget with the flag. [1]", WIDGET),
        ("Call `frobnicate()` with the flag set to -7. [1]", WIDGET),
        ("Call `frobnicate()` with the flag set to minus 7. [1]", WIDGET),
        ("Call `frobnicate()` with the flag set to 7%. [1]", WIDGET),
        ("Call `frobnicate()` with the flag set to 7 percent. [1]", WIDGET),
        ("Call `frobnicate()` with the flag set to 7e9. [1]", WIDGET),
        ("Call `frobnicate()` with the flag set to 0x7. [1]", WIDGET),
        ("Call `frobnicate()` with the flag set to .7. [1]", WIDGET),
        ("Call `frobnicate()` with the flag set to 7_000. [1]", WIDGET),
        ("To frobnicate call `frobnicate(-7)` with the flag set. [1]", WIDGET),
        ("You must close the loop while tasks run. [1]", DENIED),
        ("Set the pool size to 1 for no limit. [1]", MIXED),
        ("Set the pool size to between 10 and 60 of memory. [1]", MIXED),
    ],
)
async def test_what_the_passage_does_not_say_is_not_shown(sentence: str, text: str) -> None:
    assert not await shown(sentence, text)


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        ("To frobnicate a widget, call `frobnicate()` with the flag set to 7. [1]", WIDGET),
        ("You must not close the loop while tasks run. [1]", DENIED),
        ("Don't close the loop while tasks run. [1]", DENIED),
        ("Avoid closing the loop while tasks run. [1]", DENIED),
        ("The server does not accept requests without a token. [1]", DENIED),
        ("Not only masks such as 0x1F are accepted. [1]", MIXED),
        ("Set the pool size to -1 for no limit. [1]", MIXED),
        ("Set the pool size to between 10% and 60% of memory. [1]", MIXED),
        ("A missing file does not load. [1]", "A missing file fails to load."),
        ("Open the file. It is not closed. [1]", "Open the file, which is not closed."),
    ],
)
async def test_what_the_passage_says_is_shown(sentence: str, text: str) -> None:
    assert await shown(sentence, text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("7, -7, −7 and minus 7", {"7", "-7"}),
        ("7% 8 percent 9 per cent", {"7%", "8%", "9%"}),
        ("7e9 7E-9 0x7F 0b11", {"7e9", "7e-9", "0x7f", "0b11"}),
        ("10-60 %, 2022-10 and x-7", {"10%", "60%", "2022", "10", "7"}),
        ("1,000 1_000 3.11.2 .5", {"1000", "3.11.2", "0.5"}),
        ("v2 a1 60fps", {"60"}),
    ],
)
def test_figures_keep_their_form(text: str, found: set[str]) -> None:
    assert figures(text) == found
