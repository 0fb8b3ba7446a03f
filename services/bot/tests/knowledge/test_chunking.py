"""Chunks fit the encoder, keep fences whole, and say exactly which lines they show."""

import re
import time

from askmesh_bot.knowledge.base import Document, Section
from askmesh_bot.knowledge.blocks import pieces
from askmesh_bot.knowledge.chunking import ChunkLimits, chunk
from askmesh_bot.knowledge.parsing.markdown import parse_markdown
from askmesh_bot.knowledge.tokens import estimate_tokens
from hypothesis import given, settings
from hypothesis import strategies as st

LIMITS = ChunkLimits.for_encoder(256, 400)


def page(text: str) -> Document:
    parsed = parse_markdown(text)
    return Document("page.md", parsed.title or "page", "page.md", "markdown", text, parsed.sections, "hash")


def module(*sections: Section) -> Document:
    return Document("m.py", "m", "m.py", "docstring", "", sections, "hash")


def test_headers_say_where_a_chunk_stands() -> None:
    text = "# Guide\n\n" + "Some words here. " * 40 + "\n\n## Deploy\n\n" + "Other words there. " * 40
    headers = [one.header for one in chunk(page(text), "askmesh", LIMITS)]
    assert headers[0] == "askmesh › Guide"
    assert headers[-1] == "askmesh › Guide › Deploy"


def test_small_siblings_share_a_chunk_and_keep_their_headings() -> None:
    text = "# G\n\n## One\n\nfirst\n\n## Two\n\nsecond\n"
    found = chunk(page(text), "p", LIMITS)
    assert len(found) == 1
    # As headings, so that they don't run into the sentence that follows.
    assert found[0].text.split() == ["#", "One", "first", "#", "Two", "second"]
    assert "# Two\nsecond" in found[0].text
    assert (found[0].line_start, found[0].line_end) == (3, 9)


def test_fences_are_not_cut_while_they_fit() -> None:
    fence = "```python\n" + "value = compute(1)\n\n" * 12 + "```"
    text = "# G\n\n" + ("Words and more words. " * 12 + "\n\n") * 3 + fence + "\n\n" + "Closing words. " * 30
    found = chunk(page(text), "p", LIMITS)
    assert len(found) > 2
    assert sum(one.text.count("```") for one in found if "```" in one.text) == 2
    assert [one.text.count("```") for one in found if "```" in one.text] == [2]


def test_long_docstrings_repeat_their_name_and_cut_between_parameters() -> None:
    entries = "\n".join(f"arg{n} : int, optional\n    The {n}th of many arguments, told at length." for n in range(40))
    text = f"Do it.\n\nParameters\n----------\n{entries}"
    section = Section(("m.f(arg0=0, *, arg1=(1, 2), **rest) -> None",), text, 5, 200, symbol="m.f", text_line=7)
    found = chunk(module(section), "m", LIMITS)
    assert len(found) > 3
    assert {one.header for one in found} == {"m.f(arg0, arg1, **rest)"}
    assert all(not one.text.startswith("    ") for one in found)
    assert found[0].line_start == 5
    assert "Parameters\n----------\narg0" in found[0].text
    assert len({one.key for one in found}) == len(found)


def test_an_undocumented_function_is_learned_by_its_signature() -> None:
    found = chunk(module(Section(("m.f(a, b=2)",), "", 3, 9, symbol="m.f")), "m", LIMITS)
    assert [(one.text, one.line_start, one.line_end) for one in found] == [("m.f(a, b=2)", 3, 9)]


def test_endless_words_and_headers_are_cut_too() -> None:
    section = Section(("x" * 5000,), "y" * 3000 + " " + "z" * 3000, 1, 1)
    for one in chunk(module(section), "s" * 900, LIMITS):
        assert estimate_tokens(f"{one.header}\n{one.text}") <= LIMITS.budget


def test_an_image_embedded_in_a_page_is_cut_in_linear_time() -> None:
    began = time.process_time()
    found = pieces(f"![plot](data:image/png;base64,{'iVBORw0K' * 100_000})", 1, 250)
    # Half a second; cutting piece by piece from the front of what is left took minutes.
    assert time.process_time() - began < 20
    assert sum(len(one.text) for one in found) > 800_000
    assert max(estimate_tokens(one.text) for one in found) <= 250


LINES = st.lists(
    st.sampled_from(
        ["", "# Top", "## Sub", "```", "word " * 30, "short", "- item", "    code()", "é" * 90, "~~~", "----"]
    ),
    max_size=60,
)


@settings(deadline=None, max_examples=60)
@given(LINES)
def test_every_chunk_fits_and_stands_at_its_lines(lines: list[str]) -> None:
    text = "\n".join(lines)
    for one in chunk(page(text), "project", LIMITS):
        assert estimate_tokens(f"{one.header}\n{one.text}") <= LIMITS.budget + 1
        assert 1 <= one.line_start <= one.line_end <= max(len(lines), 1)
        shown = "\n".join(lines[one.line_start - 1 : one.line_end])
        for word in re.findall(r"\w+", one.text):
            assert word in shown


@settings(deadline=None, max_examples=60)
@given(LINES, st.integers(20, 300))
def test_pieces_lose_no_word(lines: list[str], budget: int) -> None:
    text = "\n".join(lines)
    kept = re.findall(r"\S+", " ".join(piece.text for piece in pieces(text, 1, budget)))
    assert "".join(kept) == "".join(text.split())
