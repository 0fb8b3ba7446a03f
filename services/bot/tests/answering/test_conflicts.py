"""Passages that disagree: it is said, by a fixed sentence, and the newer one comes first."""

import pytest
from askmesh_bot.answering.base import Citation, Passage
from askmesh_bot.answering.citations import CitationCheck
from askmesh_bot.answering.conflicts import conflict_of, newer_first, told
from askmesh_bot.answering.draft import Draft
from askmesh_bot.answering.retrieval import Candidate
from bot_passages import STRICT, never_close, passage

pytestmark = pytest.mark.anyio

THREAD = (
    "# finch, 2025-09-02: Which port does the server listen on?\n\n"
    "# heron, 2025-09-02 (corrected below): 7440, TCP, the backup server takes only that one.\n\n"
    "# lark, 2026-02-19\nThat's outdated. Since 2.0 the server listens on 7550 by default."
)
OLD = "# lark, 2026-01-12\nThe server listens on port 7440 by default."
NEW = "# tern, 2026-05-02\nBy default the server listens on port 7550."


def thread(number: int, text: str, **values: str) -> Passage:
    return passage(number, "Chat › #help", text, kind="thread", document=f"t{number}", **values)


def said(sentence: str, cited: Passage, *others: Passage) -> str:
    found = conflict_of([Citation(cited, sentence)], [cited, *others])
    return told(found) if found else ""


def test_a_correction_later_in_the_thread_is_told() -> None:
    later = said("Since 2.0 the server listens on 7550 by default.", thread(1, THREAD))
    assert later == "Note: a later message of this thread corrects an earlier one; this is the later one. [1]"
    earlier = said("7440, TCP, the backup server takes only that one.", thread(1, THREAD))
    assert earlier == "Note: what stands here was corrected later in the same thread. [1]"
    # A page that has these words is no thread.
    assert not said("Since 2.0 the server listens on 7550 by default.", passage(1, "", THREAD))


def test_the_same_said_with_other_figures_is_told_and_the_newer_named_first() -> None:
    found = said("The server listens on port 7440 by default.", thread(1, OLD), thread(2, NEW))
    assert found == "Note: the sources differ here: 7550 [2] and 7440 [1]; the first is newer or more trusted."
    again = said("By default the server listens on port 7550.", thread(1, NEW), thread(2, OLD))
    assert again == "Note: the sources differ here: 7550 [1] and 7440 [2]; the first is newer or more trusted."


@pytest.mark.parametrize(
    ("cited", "other", "expected"),
    [
        ("The default of `keep_daily` is 7.", "2.1 changed `keep_daily` from 7 to 14.", "14"),
        ("Call `viewer.open_scene` first.", "`viewer.open_scene` was removed.", "`viewer.open_scene` removed"),
    ],
)
def test_what_was_changed_or_is_gone_is_told(cited: str, other: str, expected: str) -> None:
    assert f"differ here: {expected} [2] and" in said(cited, passage(1, "", cited), passage(2, "", other, document="e"))


@pytest.mark.parametrize(
    "other",
    [
        "The client listens on port 7440 by default.",  # the same figure
        "The web interface of the proxy is served on port 8080 once it is switched on.",  # another thing
        "The server is fast.",
        "`keep_weekly` was changed from 5 to 6.",
    ],
)
def test_what_says_something_else_is_no_conflict(other: str) -> None:
    sentence = "The server listens on port 7440 by default."
    assert not said(sentence, passage(1, "", sentence), passage(2, "", other, document="e"))
    # Sections of one page may give several values.
    assert not said(sentence, passage(1, "", sentence), passage(2, "", sentence.replace("7440", "1")))


def test_of_two_that_differ_the_newer_is_read_first() -> None:
    pages = [passage(3, "", "Nothing of that."), thread(1, OLD), thread(2, NEW)]
    assert [one.passage.number for one in newer_first([Candidate(page) for page in pages])] == [3, 2, 1]
    # Documentation is trusted more than a conversation without a later date.
    page = passage(4, "", OLD.partition("\n")[2], document="guide")
    assert [one.passage.number for one in newer_first([Candidate(thread(2, NEW)), Candidate(page)])] == [4, 2]


async def test_an_answer_ends_with_it_and_cites_both() -> None:
    old = thread(2, f"{OLD} It writes everything into one log.")
    draft = Draft(CitationCheck([passage(1, "", "Unrelated."), old, thread(3, NEW)], STRICT, never_close))
    await draft.add("It writes everything into one log. [2] The server listens on port 7440 by default. [2]")
    await draft.finish()
    assert draft.remark()
    assert draft.answer.endswith(
        "Note: the sources differ here: 7550 [2] and 7440 [1]; the first is newer or more trusted."
    )
    assert [(one.passage.number, one.passage.id) for one in draft.citations] == [(1, "p2"), (2, "p3")]
    assert [one.number for one in draft.passages] == [1, 2, 3]
