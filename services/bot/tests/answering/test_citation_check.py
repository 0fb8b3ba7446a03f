"""Each sentence stands on the passages it cites, or goes."""

from dataclasses import replace

import pytest
from askmesh_bot.answering.base import Citation, Delta, Sources
from askmesh_bot.answering.citations import CitationCheck
from askmesh_bot.answering.draft import Draft
from askmesh_bot.answering.support import Evidence, facts
from bot_passages import STRICT, drafted, never_close, passage, passages

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Open the file in text mode and read it [1].", "Open the file in text mode and read it. [1]"),
        ("Python 3.11 was released in October 2022. [2]", "Python 3.11 was released in October 2022. [1]"),
        # An unknown number goes; the sentence stays on what it has.
        ("Open the file in text mode. [1][9]", "Open the file in text mode. [1]"),
        # No number: code adds it where a passage says the same.
        ("Open the file in text mode, read it, and close it.", "Open the file in text mode, read it, and close it. [1]"),
        # The wrong number: code corrects it.
        ("Python 3.11 was released in October 2022. [3]", "Python 3.11 was released in October 2022. [1]"),
        # Named for good measure: only what supports the sentence stays.
        ("Open the file in text mode, read it, and close it. [1][2][3]", "Open the file in text mode, read it, and close it. [1]"),
        # How the extractive engine begins where it is not sure.
        ("This comes nearest, but may not be what was asked for:\n\nOpen the file in text mode. [1]",
         "This comes nearest, but may not be what was asked for:\n\nOpen the file in text mode. [1]"),
        ("Here is how:\n\n- Open the file in text mode. [1]", "Here is how:\n\n- Open the file in text mode. [1]"),
        ("| Call | Does |\n|---|---|\n| `read_text` | opens the file in text mode [1] |",
         "| Call | Does |\n|---|---|\n| `read_text` | opens the file in text mode [1] |"),
    ],
)  # fmt: skip
async def test_supported_sentences_are_shown_with_their_passages(written: str, shown: str) -> None:
    assert (await drafted(written)).answer == shown


@pytest.mark.parametrize(
    "written",
    [
        "Python 3.11 was released in October 2021. [2]",  # another number
        "Python 3.12 was released in October 2022. [2]",  # another version
        "Open the file with `Path.slurp_text` in text mode. [1]",  # code that is not there
        "Use read_text_fast to open the file in text mode. [1]",
        "Open the file in text mode, as Guido reads it. [1]",  # a name that is not there
        'The notes say "faster than light" about Python 3.11. [2]',  # a quote that is not there
        "Bananas ripen quickly when kept with apples. [1]",  # says something else
        "Bananas ripen quickly when kept with apples.",
        "It is deprecated.",
        "Here is how:",
        "## A heading",
        "[1]",
    ],
)
async def test_what_is_not_in_the_passages_is_not_shown(written: str) -> None:
    draft = await drafted(written)
    assert draft.answer == ""
    assert draft.citations == ()


async def test_an_unsupported_sentence_can_be_marked_instead() -> None:
    strictness = replace(STRICT, unsupported="mark")
    draft = await drafted("Bananas ripen quickly. Open the file in text mode. [1]", strictness)
    assert draft.answer == "Bananas ripen quickly. *(not found in the sources)* Open the file in text mode. [1]"


async def test_a_code_block_is_cited_if_what_it_calls_is_in_the_passages() -> None:
    good = await drafted("Like this:\n\n```python\ntext = path.read_text()\n```\n")
    assert good.answer == "Like this:\n\n```python\ntext = path.read_text()\n```\n[1]"
    bad = await drafted("```python\ntext = path.slurp_everything()\n```\n")
    assert bad.answer == ""


async def test_a_code_block_left_open_is_closed() -> None:
    assert (await drafted("```python\npath.read_text()")).answer == "```python\npath.read_text()\n```\n[1]"


async def test_saying_that_the_sources_do_not_hold_it_is_a_refusal() -> None:
    draft = await drafted("NOT_IN_SOURCES")
    assert draft.refused
    assert draft.answer == ""


async def test_a_citation_comes_once_with_its_first_sentence() -> None:
    draft = await drafted("Open the file in text mode. [1] Then read it and close the file. [1]")
    assert [(citation.passage.number, citation.sentence) for citation in draft.citations] == [
        (1, "Open the file in text mode.")
    ]


async def test_passages_are_numbered_as_they_are_first_cited() -> None:
    release, opening = "Python 3.11 was released in October 2022.", "Open the file in text mode."
    draft = Draft(CitationCheck(passages(), STRICT, never_close))
    events = [
        *await draft.add(f"{release} [2] {opening} [1] It is between 10 and 60 percent faster than Python 3.10. [2]"),
        *await draft.finish(),
    ]
    assert draft.answer == f"{release} [1] {opening} [2] It is between 10 and 60 percent faster than Python 3.10. [1]"
    assert [(one.passage.number, one.passage.id) for one in draft.citations] == [(1, "p2"), (2, "p1")]
    # Whoever reads along is told of the new numbers before the first of them is used, and not again.
    assert [type(event) for event in events] == [Sources, Delta, Citation, Delta, Citation, Delta]
    assert [(one.number, one.id) for one in draft.passages] == [(1, "p2"), (2, "p1"), (3, "p3")]
    assert isinstance(events[0], Sources)
    assert events[0].passages == draft.passages


async def test_what_opens_an_answer_is_shown_only_with_one() -> None:
    for written, shown in (
        ("Open the file in text mode. [1]", "*So.*\n\nOpen the file in text mode. [1]"),
        ("No.", ""),
    ):
        draft = Draft(CitationCheck(passages(), STRICT, never_close), "*So.*\n\n")
        await draft.add(written)
        await draft.finish()
        assert draft.answer == shown


@pytest.mark.parametrize(
    "sentence",
    [
        "In the Russo-Japanese War of 1905 Japan took part of Sakhalin.",
        "At Davies' wish France's minister met the Khanbaliq-based envoys.",
    ],
)
def test_a_quote_with_hyphens_and_apostrophes_in_its_names_is_kept(sentence: str) -> None:
    source = Evidence([passage(1, "History", f"Before. {sentence} After.")])
    assert source.holds(facts(sentence))
    assert not Evidence([passage(1, "History", "Of Japan and the war.")]).holds(facts(sentence))
