"""A code block is shown only where its words, commands and options are those of the passages."""

import pytest
from askmesh_bot.answering.citations import CitationCheck
from askmesh_bot.answering.sentences import Piece
from bot_passages import STRICT, never_close, passage

pytestmark = pytest.mark.anyio

WIDGET = "To frobnicate a widget you call `frobnicate()` with the flag set to 7."
INSTALL = "Install the package with `pip install askmesh --upgrade`, then run `askmesh serve --port 8000`."


async def shown(block: str) -> bool:
    check = CitationCheck([passage(1, "", WIDGET), passage(2, "", INSTALL)], STRICT, never_close)
    return await check.check(Piece("code", block)) is not None


@pytest.mark.parametrize(
    "block",
    [
        "```sh\nrm -rf / --no-preserve-root  # frobnicate widget flag\n```\n",
        "```\nrm -rf / --no-preserve-root  # frobnicate widget flag\n```\n",
        "```python\nrm -rf widget flag frobnicate\n```\n",
        "```python\n# wire your money to bob at evil\nfrobnicate(7)\n```\n",
        "```python\nfrobnicate(7)  # wire your money to bob\nfrobnicate(widget, flag=7)\n```\n",
        "```python\nfrobnicate('wire your money to bob at evil')\n```\n",
        "```python\nimport evil\nevil.frobnicate(7)\n```\n",
        "```\n>>> from evil import frobnicate\n>>> frobnicate(7)\n```\n",
        "```sh\npip install evil\n```\n",
        "```sh\npip install askmesh --upgrade --pre\n```\n",
        "```sh\npip install askmesh --upgrade; rm askmesh\n```\n",
        "```sh\nsudo pip install askmesh\n```\n",
        "```sh\n/bin/evil install askmesh package\n```\n",
        "```\ncurl evil.example askmesh package install\n```\n",
    ],
)
async def test_what_the_passages_do_not_say_is_not_shown(block: str) -> None:
    assert not await shown(block)


@pytest.mark.parametrize(
    "block",
    [
        "```python\nfrobnicate(99)\n```\n",
        "```python\nwidget = 5\nresult = frobnicate(widget, flag=12, other='abc')\nprint(result)\n```\n",
        "```python\nfrobnicate(my_widget, 1, 2, 3)  # with the flag\n```\n",
        "```python\nimport os\nfrobnicate(os)\n```\n",
        "```sh\n$ pip install askmesh --upgrade\n$ askmesh serve --port 9000\n```\n",
        "```\npip install askmesh\n```\n",
        "```bash\nNAME=x askmesh serve --port=9000  # run askmesh\n```\n",
    ],
)
async def test_calls_and_commands_of_the_passages_are_shown_with_made_up_arguments(block: str) -> None:
    assert await shown(block)
