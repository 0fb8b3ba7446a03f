"""The gate before writing: several signals, one probability, and a reason that people understand."""

import pytest
from askmesh_bot.answering.base import Passage
from askmesh_bot.answering.calibration import DEFAULT, WEIGHTS, weights_of
from askmesh_bot.answering.retrieval import Candidate
from askmesh_bot.answering.sufficiency import insufficient, looked_up, measure, without_argument
from askmesh_bot.answering.terms import named_arguments, proper_names
from bot_passages import passage

MINILM = WEIGHTS["sentence-transformers/all-MiniLM-L6-v2"]


def found(similarity: float | None, lexical_rank: int | None = 1) -> list[Candidate]:
    text = "Open the file in text mode, read it."
    return [Candidate(passage(1, "pathlib.Path.read_text", text, similarity=similarity), lexical_rank=lexical_rank)]


@pytest.mark.parametrize(
    ("similarity", "question", "enough"),
    [
        (0.7, "How do I read a file in text mode?", True),
        (0.5, "read file text", True),
        (0.5, "entirely different words about tungsten", False),
        (0.2, "boiling point tungsten file", False),
    ],
)
def test_closeness_and_words_are_weighed_together(similarity: float, question: str, enough: bool) -> None:
    reason = insufficient(measure(question, found(similarity)), MINILM, 0.45)
    assert (reason == "") is enough


def test_the_reason_names_what_is_not_mentioned() -> None:
    reason = insufficient(measure("boiling point of tungsten", found(0.2, None)), MINILM, 0.45)
    assert reason == "the nearest passages do not mention: boiling, point, tungsten"
    reason = insufficient(measure("text mode", found(0.0, None)), MINILM, 0.99)
    assert reason == "nothing in the sources is close to this question"


def test_the_reason_leaves_out_function_words_of_other_languages() -> None:
    reason = insufficient(measure("Wie lese ich eine Textdatei und wo?", found(0.2, None)), MINILM, 0.45)
    assert reason == "the nearest passages do not mention: lese, Textdatei"
    reason = insufficient(measure("¿Qué es y por qué?", found(0.0, None)), MINILM, 0.99)
    assert reason == "nothing in the sources is close to this question"


def test_every_signal_raises_the_chance_but_missing_terms() -> None:
    signals = measure("read file tungsten", found(0.5, 2))
    assert (signals.similarity, signals.agreement) == (0.5, 0.5)
    assert signals.missing == pytest.approx(1 / 3)
    assert 0.4 < signals.coverage < 1
    assert signals.chance(MINILM) < measure("read file", found(0.5, 2)).chance(MINILM)
    assert signals.chance(MINILM) < measure("read file tungsten", found(0.6, 2)).chance(MINILM)
    assert signals.chance(MINILM) < measure("read file tungsten", found(0.5, 1)).chance(MINILM)


def test_unknown_embedding_models_are_judged_by_words_alone() -> None:
    assert weights_of("0123", "sentence-transformers/all-MiniLM-L6-v2") is MINILM
    assert weights_of("0123", "some/other-model") is DEFAULT
    low, high, none = (measure("read file text", found(cosine)) for cosine in (0.1, 0.9, None))
    assert low.chance(DEFAULT) == high.chance(DEFAULT) == pytest.approx(none.chance(DEFAULT), abs=0.2)
    assert not insufficient(high, DEFAULT, 0.45)
    assert insufficient(measure("boiling point of tungsten", found(0.9, None)), DEFAULT, 0.45)


SIGNATURE = passage(1, "pathlib.Path.read_text(encoding=None, errors=None)", "Open the file in text mode.")
OPEN_ENDED = passage(1, "subprocess.run(*popenargs, check=False, **kwargs)", "Run a command.")


def test_a_name_that_nothing_holds_counts_apart() -> None:
    plain, named = (measure(f"read the {word} file", found(0.5)) for word in ("usdz", "USDZ"))
    assert (plain.unknown_name, named.unknown_name) == (0.0, 1.0)
    assert named.chance(MINILM) < plain.chance(MINILM)
    assert proper_names("How do I use OpenXR, Apple or USDZ? Then what? I'm lost") == ("openxr", "appl", "usdz")


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("What does the strip argument of Path.read_text do?", "`Path.read_text` has no `strip` in the sources"),
        ("What does Path.read_text(strip=True) return?", "`Path.read_text` has no `strip` in the sources"),
        ("What does the encoding argument of Path.read_text do?", ""),
        ("What does the strip argument of Path.write_text do?", ""),
        ("What is the strip parameter for?", ""),
        ("What does the text mode of Path.read_text do?", ""),
    ],
)
def test_an_argument_that_the_object_does_not_have_is_told(question: str, reason: str) -> None:
    assert without_argument(question, [SIGNATURE]) == reason


def test_what_takes_any_argument_is_not_judged() -> None:
    question = "What is the retries argument of subprocess.run?"
    assert named_arguments(question) == ("retries",)
    assert without_argument(question, [OPEN_ENDED]) == ""


def test_a_comparison_is_no_argument() -> None:
    assert named_arguments("Is a==b or x = y, see https://a.example/?q=1 or a=[1] or the `b` option to c") == (
        "a",
        "b",
    )


def test_no_candidates_give_no_signals() -> None:
    signals = measure("What?", [])
    assert (signals.similarity, signals.agreement, signals.missing) == (None, 0.0, 0.0)
    nothing: list[Passage] = []
    assert without_argument("the a argument of b.c", nothing) == ""


def test_a_relative_of_a_word_answers_to_it_where_nothing_holds_the_word() -> None:
    about = [Candidate(passage(1, "Conduct", "Abusive or harassing behaviour may be reported.", similarity=0.3), 1)]
    signals = measure("Who do I tell about harassment?", about)
    assert (signals.coverage, signals.missing) == (pytest.approx(0.8), pytest.approx(0.2))
    assert signals.unheld == ()
    assert measure("Who do I tell about embarrassment?", about).missing == 1.0


@pytest.mark.parametrize(
    ("question", "header", "sure"),
    [
        ("Depends", "FastAPI › Dependencies › Depends()", True),
        ("`read_text`?", "pathlib.Path.read_text(encoding=None)", True),
        ("What is a path parameter?", "FastAPI › Path Parameters", True),
        ("what about a path", "FastAPI › Path Parameters", False),
        ("How?", "FastAPI › How to", False),
        ("What is a read text?", "pathlib.Path.read_text(encoding=None)", False),
    ],
)
def test_a_heading_or_a_name_alone_is_looked_up(question: str, header: str, sure: bool) -> None:
    assert looked_up(question, [Candidate(passage(1, header, "Text."))]) is sure
