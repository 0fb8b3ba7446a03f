"""Reads the grounded prompt: numbered passages between lines that carry a nonce, then the question.

The format is documented in docs/grounded-prompt.md.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from askmesh_llm.engines.base import Message

_OPENING = re.compile(r"^Passages \[([0-9a-f]{4,32})\]:[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Passage:
    """One numbered source text. `rank` is its place in the prompt, from 0: the retriever's best comes first."""

    number: int
    header: str
    text: str
    rank: int


@dataclass(frozen=True, slots=True)
class GroundedPrompt:
    """What is asked, and the passages the answer must rest on. `about` are words carried over from the thread."""

    question: str
    about: str
    passages: tuple[Passage, ...]


def parse(messages: Sequence[Message]) -> GroundedPrompt | None:
    """The grounded prompt in the last user message, or None where there is none."""
    last = next((message.content for message in reversed(messages) if message.role == "user"), "")
    last = last.replace("\r\n", "\n")
    opening = _OPENING.search(last)
    if not opening:
        return None
    nonce = re.escape(opening[1])
    border = re.compile(rf"^\[(end|\d{{1,4}}) {nonce}\](.*)$", re.MULTILINE)
    marks = list(border.finditer(last, opening.end()))
    end = next((mark for mark in marks if mark[1] == "end"), None)
    starts = [mark for mark in marks if mark[1] != "end" and (end is None or mark.start() < end.start())]
    stops = [mark.start() for mark in starts[1:]] + [end.start() if end else len(last)]
    passages = (
        tuple(
            Passage(int(mark[1]), mark[2].strip(), last[mark.end() : stop].strip("\n"), rank)
            for rank, (mark, stop) in enumerate(zip(starts, stops, strict=True))
        )
        if starts
        else ()
    )
    asked = last[end.end() :].strip() if end else ""
    question, _, about = asked.removeprefix("Question:").strip().partition("\n(About: ")
    return GroundedPrompt(question.strip(), about.rstrip(")\n "), passages)
