"""Which units are quoted: what they say, what kind of thing is asked for, how sure the choice is."""

import pytest
from askmesh_llm.engines.extractive.answer import NOT_IN_SOURCES, UNSURE, compose
from askmesh_llm.engines.extractive.expected import has_expected
from askmesh_llm.engines.extractive.prompt import GroundedPrompt, Passage
from askmesh_llm.engines.extractive.ranking import rank
from askmesh_llm.engines.extractive.relatives import related
from askmesh_llm.engines.extractive.words import code_names

NORMANS = "The Normans gave their name to Normandy. They came from Norway. Their leader Rollo swore fealty in 911."


def prompt(question: str, *texts: str) -> GroundedPrompt:
    return GroundedPrompt(question, "", tuple(Passage(n, "Normans", text, n - 1) for n, text in enumerate(texts, 1)))


@pytest.mark.parametrize(
    ("question", "text", "kind"),
    [
        ("When did he swear?", "He swore in 911.", 1.0),
        ("When did he swear?", "He swore to the king.", -1.0),
        ("How many came?", "Two hundred came.", 1.0),
        ("How many came?", "Some came.", -1.0),
        ("Who was their leader?", "It was led by Rollo.", 1.0),
        ("Who was Rollo?", "This was Rollo.", -0.5),
        ("How do I read a file?", "Open it in 2 ways.", 0.0),
    ],
)
def test_a_question_for_a_date_a_number_or_a_name_wants_one(question: str, text: str, kind: float) -> None:
    assert has_expected(question, text) == kind


def test_the_sentence_with_the_kind_of_thing_asked_for_is_ranked_first() -> None:
    ranking = rank(prompt("When did the leader of the Normans swear fealty?", NORMANS))
    assert ranking.candidates[0].unit.text == "Their leader Rollo swore fealty in 911."


def test_only_as_much_is_quoted_as_the_choice_is_unsure() -> None:
    asked = prompt("When did the leader Rollo swear fealty?", NORMANS, "Other people wrote other things about it.")
    ranking = rank(asked)
    sure = ranking.with_closeness([0.9 if "911" in one.unit.text else 0.1 for one in ranking.candidates])
    assert compose(asked, sure) == "Their leader Rollo swore fealty in 911. [1]"
    vague = prompt("Where did they settle?", "They settled in Apulia. They settled in Wales. They settled in Kent.")
    unsure = rank(vague).with_closeness([0.5] * 3)
    assert len(compose(vague, unsure).split("\n\n")) == 3


def test_only_the_best_units_passage_is_quoted() -> None:
    asked = prompt("Where did Rollo settle?", "Rollo settled in Rouen. Rollo settled.", "Rollo settled in Rouen then.")
    ranking = rank(asked).with_closeness([0.5] * 3)
    numbers = {line.rpartition(" ")[2] for line in compose(asked, ranking).split("\n\n")}
    assert len(numbers) == 1


def test_what_may_stand_in_many_passages_is_declined_unless_they_say_the_same() -> None:
    question = "Where did Rollo settle?"
    towns = [f"{letter}{end}" for letter in "ABCDEFGHIJKLMNOPQ" for end in ("by", "um")]
    differing = prompt(question, *(f"Rollo settled in {town}." for town in towns))
    assert compose(differing, rank(differing).with_closeness([0.5] * len(towns))) == NOT_IN_SOURCES
    agreeing = prompt(question, *(f"Rollo settled in Rouen, near {town}." for town in towns))
    assert compose(agreeing, rank(agreeing).with_closeness([0.5] * len(towns))).endswith("Rouen, near Aby. [1]")


def test_an_answer_that_may_as_well_be_another_says_so() -> None:
    asked = prompt("Where did Rollo settle?", "Rollo settled in Rouen.", "Rollo settled in Kent.")
    ranking = rank(asked)
    assert compose(asked, ranking.with_closeness([0.5, 0.5])) == f"{UNSURE}\n\nRollo settled in Rouen. [1]"
    assert compose(asked, ranking.with_closeness([0.9, 0.1])) == "Rollo settled in Rouen. [1]"


def test_what_announces_something_that_is_not_there_is_not_quoted() -> None:
    text = "Rollo swore fealty like this: He swore it in 911."
    code = "Rollo swore fealty like this:\n\n```\nswear(rollo)\n```"
    for passage, quoted in ((text, "He swore it in 911. [1]"), (code, "Rollo swore fealty like this: [1]")):
        asked = prompt("How was it that Rollo swore fealty?", passage.replace(": He", ":\n\nHe"))
        assert quoted in compose(asked, rank(asked)).split("\n\n")
    asked = prompt("How was it that Rollo swore fealty?", text.replace(": He", ":\n\nHe"))
    assert "like this" not in compose(asked, rank(asked))


def test_units_whose_closeness_is_not_known_come_last() -> None:
    ranking = rank(prompt("When did the leader of the Normans swear fealty?", NORMANS))
    known = ranking.with_closeness([0.2])
    assert known.candidates[0].closeness == 0.2
    assert [one.score for one in known.candidates[1:]] == [float("-inf")] * 2


def test_what_has_nothing_to_do_with_the_question_is_declined() -> None:
    asked = prompt("What is the boiling point of tungsten?", NORMANS)
    assert compose(asked, rank(asked)) == NOT_IN_SOURCES


def test_a_code_name_that_no_passage_has_is_declined_and_an_odd_capital_is_not() -> None:
    assert code_names("Does `fast` or a.b or c_d or e() work with OpenXR, WHat?") == {"fast", "a.b", "c_d", "e"}
    asked = prompt("When did Rollo call normandy.swear_fealty?", NORMANS)
    assert compose(asked, rank(asked)) == NOT_IN_SOURCES


def test_words_with_a_common_beginning_answer_to_one_another() -> None:
    assert related("pars", {"pars", "parser", "parsimonious", "sparse"}) == {"pars": 1.0, "parser": 0.7}
    assert related("del", {"delete"}) == {}


def test_what_only_repeats_the_question_is_no_answer() -> None:
    question = "How do I read a whole text file into a string?"
    shown = f'```console\n$ ask "{question}"\n```\n\nThis asks in the terminal. Run again, it starts in seconds.'
    told = "Open the file in text mode, read it into a string, and close the file."
    asked = GroundedPrompt(question, "", (Passage(1, "Try it", shown, 0), Passage(2, "read_text", told, 1)))
    text = compose(asked, rank(asked))
    assert text.endswith("and close the file. [2]")
    assert "[1]" not in text
