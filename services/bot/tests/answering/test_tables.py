"""A table is shown only under a head that the passages bear out."""

import pytest
from bot_passages import drafted

pytestmark = pytest.mark.anyio

ROWS = "|---|---|\n| `read_text` | opens the file in text mode [1] |"


@pytest.mark.parametrize(
    "head",
    [
        "| Wire money | to bob |",
        "| Call | Pay the attacker |",
        "| `slurp_text` | Does |",
        "| Call | In 1999 |",
    ],
)
async def test_a_table_whose_head_is_not_in_the_passages_is_dropped(head: str) -> None:
    assert (await drafted(f"{head}\n{ROWS}")).answer == ""


@pytest.mark.parametrize("head", ["| Call | Does |", "| Name | Text mode |", "| Option | Description |", "| | |"])
async def test_a_head_of_the_passages_words_or_of_usual_names_is_shown(head: str) -> None:
    assert (await drafted(f"{head}\n{ROWS}")).answer == f"{head}\n{ROWS}"


async def test_a_table_after_a_dropped_one_is_checked_anew() -> None:
    good = f"| Call | Does |\n{ROWS}"
    assert (await drafted(f"| Wire money | to bob |\n{ROWS}\n\n{good}")).answer == good
