"""Links are made of citations, of nothing else, and however the text arrives."""

from itertools import pairwise

import pytest
from askmesh_bot.routes.citation_links import CitationLinks
from hypothesis import given
from hypothesis import strategies as st

from ..web.scripted import PASSAGES

TWO = "https://docs.example.org/pathlib#open"


def linked(*pieces: str) -> CitationLinks:
    links = CitationLinks("https://ask.example.org")
    links.know(PASSAGES)
    told = "".join(links.add(piece) for piece in pieces) + links.finish()
    assert told == links.text
    return links


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Open it. [2]", f"Open it. [2]({TWO})"),
        ("Open it. [2][2]", f"Open it. [2]({TWO}) [2]({TWO})"),
        ("As `argv[2]` says. [2]", f"As `argv[2]` says. [2]({TWO})"),
        ("As ``a`[2]`` says. [2]", f"As ``a`[2]`` says. [2]({TWO})"),
        ("```python\nx = y[2]\n```\n[2]", f"```python\nx = y[2]\n```\n[2]({TWO})"),
        ("~~~\n```\n[2]\n~~~\n[2]", f"~~~\n```\n[2]\n~~~\n[2]({TWO})"),
        ("````\n```\n[2]\n````\n[2]", f"````\n```\n[2]\n````\n[2]({TWO})"),
        ("```\nnever closed [2]", "```\nnever closed [2]"),
        (
            "A lone ` is no code. [2]\n\nNor here ` it is. [2]",
            f"A lone ` is no code. [2]({TWO})\n\nNor here ` it is. [2]({TWO})",
        ),
        ("Nobody knows [8] or [1234] or [x].", "Nobody knows [8] or [1234] or [x]."),
        ("\n\n  Blanks go. [2] \n\n", f"Blanks go. [2]({TWO})"),
    ],
)
def test_only_citations_outside_code_become_links(text: str, expected: str) -> None:
    assert linked(text).text == expected


SNIPPETS = st.sampled_from(["[2]", "[", "2", "]", "`", "``", "```", "~~~", "\n", "\n\n", " ", "x", "é", "[2][1]"])


@given(st.lists(SNIPPETS, max_size=25).map("".join), st.data())
def test_the_cut_of_the_stream_changes_nothing(text: str, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=8).map(sorted))
    pieces = [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]
    whole, cut = linked(text), linked(*pieces)
    assert cut.text == whole.text
    assert cut.annotations == whole.annotations


@given(st.lists(SNIPPETS, max_size=25).map("".join))
def test_annotations_stand_where_they_say_and_nothing_is_lost(text: str) -> None:
    links = linked(text)
    rest, position = "", 0
    for annotation in links.annotations:
        place = annotation.url_citation
        label, address = links.text[place.start_index : place.end_index].split("](")
        assert address == f"{place.url})"
        rest += links.text[position : place.start_index] + label + "]"
        position = place.end_index
    rest += links.text[position:]
    assert rest.replace("] [", "][") == text.strip().replace("] [", "][")
