"""A slip of the pen is put right from the words of the passages; a word of its own and code are left alone."""

import pytest
from askmesh_bot.answering.spelling import corrected, corrections, similar, told
from bot_passages import passage
from hypothesis import given
from hypothesis import strategies as st

PASSAGES = [
    passage(1, "asyncio.create_subprocess_exec(program)", "Create a subprocess; its colour output goes to a pipeline."),
    passage(2, "pathlib.Path.read_text(encoding=None)", "Read a text file of the environment from a directory while it is there."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("question", "meant"),
    [
        ("How do I start a subproces?", {"subproces": "subprocess"}),
        ("How do I start a subporcess?", {"subporcess": "subprocess"}),
        ("Which enviroment holds the directroy?", {"enviroment": "environment", "directroy": "directory"}),
        ("What color does it have?", {"color": "colour"}),
        ("Use of pathilb?", {"pathilb": "pathlib"}),
        ("Does a subproces have tungsten?", {"subproces": "subprocess"}),
        # Words of their own, a letter or an ending away from one that is there.
        ("What is the whole truth?", {}),
        ("Who directs it?", {}),
        ("What do three have?", {}),
        ("Is it public?", {}),
        # Code that does not exist, and what is written like code.
        ("What does read_txet do?", {}),
        ("What does `subproces` do?", {}),
        ("What does pathlib.Path.raed do?", {}),
        ("Who wasn't there?", {}),
        # Too much that is unknown.
        ("Does a subproces melt tungsten under higher pressure?", {}),
        ("", {}),
    ],
)
def test_only_slips_are_put_right(question: str, meant: dict[str, str]) -> None:
    assert corrections(question, PASSAGES) == meant


def test_what_was_put_right_is_told() -> None:
    meant = {"subproces": "subprocess", "enviroment": "environment"}
    assert corrected("A subproces's enviroment, subprocesses", meant) == "A subprocess's environment, subprocesses"
    assert told(meant) == "I read “subproces” as “subprocess” and “enviroment” as “environment”."


def test_for_a_name_that_does_not_exist_the_nearest_one_is_known() -> None:
    assert similar("Path.raed_text", PASSAGES) == "pathlib.Path.read_text"
    assert similar("create_subproces_exec", PASSAGES) == "asyncio.create_subprocess_exec"
    assert similar("json.dumps", PASSAGES) == ""


@given(st.text(max_size=60))
def test_any_question_is_read(question: str) -> None:
    for word, better in corrections(question, PASSAGES).items():
        assert word in question
        assert better != word.lower()
