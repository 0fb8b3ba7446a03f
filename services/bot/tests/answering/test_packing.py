"""The prompt never exceeds the model's tokens, and says nothing twice."""

import asyncio
from collections.abc import Sequence

from askmesh_bot.answering.base import Passage
from askmesh_bot.answering.packing import distinct, near, numbered, pack
from askmesh_bot.answering.prompt import build_messages
from askmesh_bot.answering.retrieval import Candidate
from askmesh_bot.answering.rewrite import Rewritten
from bot_mesh import count_tokens
from bot_passages import passage
from hypothesis import given
from hypothesis import strategies as st

CANDIDATES = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 600)).map(
        lambda drawn: Candidate(passage(0, "header", "word " * drawn[1], document=f"d{drawn[0] % 3}"))
    ),
    min_size=1,
    max_size=12,
)


async def tokens(passages: Sequence[Passage]) -> int:
    messages = build_messages(Rewritten("How long is it?"), passages, (), "00000000")
    return count_tokens({"messages": messages})


@given(CANDIDATES, st.integers(10, 4000))
def test_the_budget_is_never_exceeded(candidates: list[Candidate], budget: int) -> None:
    packed = asyncio.run(pack(candidates, tokens, budget))
    assert not packed or asyncio.run(tokens(packed)) <= budget
    assert [one.number for one in packed] == list(range(1, len(packed) + 1))


@given(CANDIDATES)
def test_everything_is_packed_where_there_is_room(candidates: list[Candidate]) -> None:
    packed = asyncio.run(pack(candidates, tokens, 100_000))
    assert sorted(one.text for one in packed) == sorted(one.passage.text for one in candidates)


def test_the_best_is_kept_and_cut_when_it_alone_is_too_long() -> None:
    lines = "\n".join(f"line {number} of many words" for number in range(400))
    packed = asyncio.run(pack([Candidate(passage(0, "h", lines)), Candidate(passage(0, "h", "second"))], tokens, 500))
    assert len(packed) == 1
    assert lines.startswith(packed[0].text)
    assert len(packed[0].text) > 400


def test_near_duplicates_go_and_the_better_one_stays() -> None:
    text = "Open the file in text mode, read it, and close the file again when done."
    found = [
        Candidate(passage(0, "h", text)),
        Candidate(passage(0, "h", text.upper())),
        Candidate(passage(0, "h", "Other.")),
    ]
    assert [one.passage.text for one in distinct(found, 8)] == [text, "Other."]


def test_the_best_comes_first() -> None:
    found = [Candidate(passage(0, name, f"text {name}")) for name in ("best", "second", "third")]
    packed = asyncio.run(pack(found, tokens, 100_000))
    assert [(one.number, one.header) for one in packed] == [(1, "best"), (2, "second"), (3, "third")]
    assert [one.number for one in numbered(found)] == [1, 2, 3]


def test_an_engine_that_only_quotes_does_not_get_what_is_far_behind() -> None:
    found = [passage(number, score=score) for number, score in ((1, 1.6), (2, 1.3), (3, 1.2))]
    assert [one.number for one in near(found)] == [1, 2]
    assert near([]) == []
