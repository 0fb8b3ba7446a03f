"""One ranking from cosines, lexical scores and names."""

import pytest
from askmesh_bot.answering.fusion import is_named, of_version, rescored
from askmesh_bot.peers.vectordb import Match
from hypothesis import given
from hypothesis import strategies as st

TEXT = "What can be told of it is told here, at some length."


def match(
    name: str, dense: float | None, lexical: float | None, header: str = "Guide › Other", text: str = TEXT
) -> Match:
    return Match(name, 0.0, {"header": header, "text": text}, dense, lexical_score=lexical)


def test_both_scores_count_by_how_far_they_are_from_the_best() -> None:
    found = [match("words", 0.2, 10.0), match("both", 0.75, 8.0), match("meaning", 0.8, None)]
    assert [one.id for one in rescored("How do I read it?", found)] == ["both", "meaning", "words"]


def test_the_object_that_is_called_by_its_name_comes_first() -> None:
    found = [
        match("near", 0.8, 10.0, "asyncio.taskgroups"),
        match("named", 0.7, 9.0, "asyncio.TaskGroup()"),
    ]
    assert rescored("How do I use asyncio.TaskGroup?", found)[0].id == "named"
    assert rescored("How do I use TaskGroup?", found)[0].id == "named"
    assert rescored("How do I wait for all of them?", found)[0].id == "near"


def test_a_name_is_a_whole_part_of_the_symbol() -> None:
    assert is_named("pathlib.Path.read_text(encoding=None)", frozenset({"path.read_text"}))
    assert is_named("asyncio.TaskGroup", frozenset({"taskgroup"}))
    assert not is_named("pathlib.Path.read_text()", frozenset({"th.read_text", "path"}))
    assert not is_named("askmesh › Deploy › Compose", frozenset({"askmesh"}))


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"text": "The file is read in text mode, whole."}, {"text": "Text may be read. There is a file, a mode."}),
        ({"text": "You may read the file, all of it."}, {"text": "You may read the thing, all of it."}),
        ({"header": "Guide › Read files"}, {"header": "Guide › Something"}),
        ({"text": TEXT}, {"text": "read_file"}),
        ({"header": "pathlib.Path"}, {"header": "pathlib (module code)"}),
        ({"header": "pathlib.Path"}, {"header": "pathlib.Path._accessor"}),
    ],
    ids=["words side by side", "more of the words", "in the header", "documented", "no bare code", "public"],
)
def test_among_equals_in_scores_the_one_that_says_more_comes_first(
    better: dict[str, str], worse: dict[str, str]
) -> None:
    found = [match("worse", 0.8, 5.0, **worse), match("better", 0.8, 5.0, **better)]
    assert [one.id for one in rescored("How is a file read in text mode?", found)] == ["better", "worse"]


@given(st.lists(st.tuples(st.floats(-1, 1), st.just(None)), max_size=6))
def test_without_lexical_scores_the_databases_order_stays(scores: list[tuple[float, None]]) -> None:
    found = [match(str(number), dense, lexical) for number, (dense, lexical) in enumerate(scores)]
    assert rescored("Does `a.b` work?", found) == found


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("Which drivers does Tern 2.0 need?", "new"),
        ("What is new in version 1.9?", "old"),
        ("Which drivers does it need?", "old"),
        ("Does it run on Python 3.11?", "old"),
        ("Why does it take 2.0 seconds?", "old"),
    ],
)
def test_what_is_about_another_version_than_the_one_asked_for_comes_last(question: str, first: str) -> None:
    old, new = match("old", 0.8, 9.0, "Tern 1.9 released"), match("new", 0.7, 8.0)
    assert of_version(question, [old, new])[0].id == first
