"""The extractive engine's answers over the standard library's docstrings."""

import re

import grounded
import pytest
from askmesh_llm.engines.base import Message, SamplingParams
from askmesh_llm.engines.extractive.engine import ExtractiveEngine

pytestmark = pytest.mark.anyio


async def answer(prompt: str) -> str:
    engine = ExtractiveEngine("test", 16_384, 1000)
    return "".join([chunk.text async for chunk in engine.generate([Message("user", prompt)], SamplingParams())])


def cited(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\[(\d+)\]$", text, re.MULTILINE)]


async def test_most_questions_are_answered_from_the_right_passage() -> None:
    cases = [case for case in grounded.cases() if case.expected]
    wrong = []
    for case in cases:
        numbers = cited(await answer(case.prompt))
        if not numbers or 2 * sum(number in case.expected for number in numbers) < len(numbers):
            wrong.append(case.question)
    assert len(cases) >= 45
    # By words alone: what is asked in other words than the passage's needs the embeddings service.
    assert len(wrong) <= 0.15 * len(cases), wrong


async def test_questions_the_passages_do_not_answer_are_declined() -> None:
    cases = [case for case in grounded.cases() if not case.expected]
    wrong = [case.question for case in cases if await answer(case.prompt) != "NOT_IN_SOURCES"]
    assert len(cases) >= 20
    assert len(wrong) <= 0.1 * len(cases), wrong


async def test_the_sentence_that_answers_is_quoted_whole_with_its_number() -> None:
    symbols = ["pathlib.Path.read_bytes", "pathlib.Path.read_text", "pathlib.Path.open"]
    question = "How do I read a whole text file into a string with pathlib?"
    text = await answer(grounded.write_prompt(question, [grounded.passage(symbol) for symbol in symbols]))
    assert "Open the file in text mode, read it, and close the file. [2]" in text
    assert "`pathlib.Path.read_text(encoding=None, errors=None)` [2]" in text


async def test_whoever_asks_for_arguments_is_shown_the_signature() -> None:
    passage = grounded.passage("pathlib.Path.read_text")
    for question, shown in (
        ("What arguments does Path.read_text take?", True),
        ("Does Path.read_text close it?", False),
    ):
        text = await answer(grounded.write_prompt(question, [passage]))
        assert ("`pathlib.Path.read_text(encoding=None, errors=None)` [1]" in text) is shown


async def test_a_question_about_something_else_is_declined_exactly() -> None:
    passages = [grounded.passage(symbol) for symbol in grounded.POOLS["pathlib"][:6]]
    assert await answer(grounded.write_prompt("What is the boiling point of tungsten?", passages)) == "NOT_IN_SOURCES"


async def test_the_same_prompt_gives_the_same_answer() -> None:
    prompt = grounded.cases()[0].prompt
    assert len({await answer(prompt) for _ in range(5)}) == 1


async def test_no_passages_means_not_in_sources() -> None:
    assert await answer(grounded.write_prompt("How do I read a file?", [])) == "NOT_IN_SOURCES"


async def test_words_carried_over_from_the_conversation_count() -> None:
    passages = [grounded.passage(f"pathlib.Path.{name}") for name in ("read_text", "mkdir", "unlink")]
    prompt = grounded.write_prompt("And how do I remove it?\n(About: file pathlib)", passages)
    assert cited(await answer(prompt))[-1] == 3


@pytest.mark.parametrize(
    "prompt", ["Hello!", "Rewrite this question so that it stands alone: And how?", "\n", "Question:"]
)
async def test_without_passages_to_quote_it_says_what_it_is(prompt: str) -> None:
    text = await answer(prompt)
    assert "extractive engine" in text
    assert "NOT_IN_SOURCES" not in text
