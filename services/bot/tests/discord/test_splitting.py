"""Cutting long answers into messages."""

from askmesh_bot.frontends.discord.markdown import safe_markdown
from askmesh_bot.frontends.discord.splitting import CONTINUED, messages, split, units
from hypothesis import given, settings
from hypothesis import strategies as st

from .reading import fences_closed

_WORD = st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=12)
_PARAGRAPH = st.lists(_WORD, min_size=1, max_size=120).map(" ".join)
_CODE = st.tuples(
    st.sampled_from(["", "python", "c++"]), st.lists(st.text("abc(){}= \n🐍", max_size=90), max_size=30)
).map(lambda code: f"```{code[0]}\n" + "\n".join(code[1]) + "\n```")
_ANSWER = st.lists(st.one_of(_PARAGRAPH, _CODE), max_size=12).map("\n\n".join)
_ANY = st.one_of(_ANSWER, st.text("`ab \n\\[]()<🐍", max_size=6000))


@settings(max_examples=80, deadline=None)
@given(_ANY, st.sampled_from([64, 200, 2000]))
def test_no_piece_is_too_long_and_the_bodies_join_to_the_text(text, limit):
    pieces = split(text, limit)
    assert all(units(piece.content) <= limit for piece in pieces)
    assert "".join(piece.body for piece in pieces) == text


@settings(max_examples=80, deadline=None)
@given(_ANSWER, st.sampled_from([100, 2000]))
def test_every_message_of_a_safe_answer_closes_its_fences(text, limit):
    assert all(fences_closed(content) for content in messages(safe_markdown(text, {}), limit))


@settings(max_examples=100, deadline=None)
@given(st.text("ab \n", max_size=5000), st.sampled_from([64, 2000]))
def test_no_message_is_blank(text, limit):
    assert all(content.strip() for content in messages(text, limit))


def test_a_short_text_is_one_message_as_it_is():
    assert messages("Hello\n\nworld") == ["Hello\n\nworld"]


def test_code_that_must_be_cut_is_reopened_with_its_language():
    code = "\n".join(f"line_{number} = {number}" for number in range(300))
    first, *others = messages(f"```python\n{code}\n```")
    assert first.startswith("```python\nline_0")
    assert others
    for content in (first, *others):
        assert content.startswith("```python\n")
        assert content.endswith("```")
    lines = [line for content in (first, *others) for line in content.split("\n") if line.startswith("line_")]
    assert lines == code.split("\n")


def test_code_that_fits_in_a_message_is_not_cut():
    code = "```python\n" + "x = 1\n" * 200 + "```"
    contents = messages("Some words. " * 80 + "\n\n" + code + "\n\nThe end.")
    assert any(code in content for content in contents)


def test_paragraphs_stay_whole_where_they_can():
    paragraphs = [f"{number} " + "word " * 100 for number in range(10)]
    contents = messages("\n\n".join(paragraphs))
    assert len(contents) == 4  # three paragraphs of 500 characters fit in each
    assert all(content.strip().split(" ")[0].isdigit() for content in contents)


def test_a_cut_within_a_line_is_marked_and_cannot_start_a_heading():
    first, second = messages("a" * 1995 + " # not a heading but the end of a very long line")
    assert (len(first), second) == (1996, CONTINUED + "# not a heading but the end of a very long line")


def test_links_code_and_escapes_are_never_cut():
    link, code = "[1](<https://docs.example.org/a/rather/long/path#with-an-anchor>)", "`x = [a](b)`"
    text = (link + code + r"\[") * 200
    for content in messages(text, 300):
        bare = content.removeprefix(CONTINUED).replace(link, "").replace(code, "").replace(r"\[", "")
        assert bare == ""


def test_characters_beyond_the_basic_plane_count_twice():
    assert all(len(content) <= 1000 for content in messages("🐍" * 3000))
