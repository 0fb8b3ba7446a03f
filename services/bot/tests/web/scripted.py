"""An assistant that says what a test wrote down for it, and the passages it says it from."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from askmesh_bot.answering.base import Citation, Delta, Done, Event, Failed, Passage, Question, Sources, Status

READ_TEXT = Passage(
    number=1,
    id="pathlib-read-text",
    text="Open the file in text mode, read it, and close the file.\n\nThe optional parameters mean what they mean in open().",
    header="pathlib.Path.read_text(encoding=None, errors=None)",
    title="pathlib",
    url="/read/default/stdlib/pathlib.py#L1050-L1056",
    source="stdlib",
    document="pathlib",
    kind="docstring",
    path="pathlib.py",
    line_start=1050,
    line_end=1056,
    similarity=0.71,
    score=0.03,
)
OPEN = replace(
    READ_TEXT,
    number=2,
    id="pathlib-open",
    text="Open the file pointed to by this path and return a file object, as the built-in open() function does.",
    header="pathlib.Path.open(mode='r', buffering=-1, encoding=None, errors=None, newline=None)",
    url="https://docs.example.org/pathlib#open",
    line_start=1031,
    line_end=1040,
)
LEARN = replace(
    READ_TEXT,
    number=3,
    id="docs-learn",
    text="Point askmesh at a folder. A second run embeds only what changed.",
    header="askmesh › Learn › Folders of text",
    title="Learn",
    url="/read/default/docs/learn.md#L12-L31",
    source="docs",
    document="learn.md",
    kind="markdown",
    path="learn.md",
    line_start=12,
    line_end=31,
)
PASSAGES = (READ_TEXT, OPEN, LEARN)

ANSWER = """Call **`Path.read_text()`**: it opens the file in text mode, reads it, and closes it, so you get the whole file as one string. [1]

```python
from pathlib import Path

text = Path("notes.txt").read_text(encoding="utf-8")
```

- The parameters `encoding` and `errors` mean the same as in `open()`. [1]
- When you need the file object itself, use `Path.open()` instead. [2]
"""


class Gate:
    """A point in a script where the assistant waits for the test."""

    def __init__(self) -> None:
        self.opened = threading.Event()


class ScriptedAssistant:
    """Answers each question with its script; other questions with the plain one."""

    def __init__(self) -> None:
        self.scripts: dict[str, Sequence[Event | Gate]] = {}
        self.asked: list[Question] = []
        self.cancelled = threading.Event()

    async def answer(self, question: Question) -> AsyncIterator[Event]:
        self.asked.append(question)
        for step in self.scripts.get(question.text) or answered():
            if isinstance(step, Gate):
                await self._wait(step)
            else:
                yield step

    async def _wait(self, gate: Gate) -> None:
        try:
            while not gate.opened.is_set():
                await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


def answered(
    answer: str = ANSWER, passages: Sequence[Passage] = PASSAGES, cited: Sequence[int] = (1, 2)
) -> list[Event]:
    """A whole answer, streamed in pieces of 30 characters."""
    citations = tuple(Citation(passage, answer) for passage in passages if passage.number in cited)
    return [
        Status("searching", "Searching the sources…"),
        Sources(tuple(passages)),
        Status("writing", "Writing…"),
        *(Delta(answer[start : start + 30]) for start in range(0, len(answer), 30)),
        *citations,
        Done("answered", answer, citations, tuple(passages), model="scripted", timings_ms={"total": 1234.5}),
    ]


def abstained() -> list[Event]:
    text = "The sources do not hold an answer to this: no passage is close."
    return [Done("abstained", text, (), PASSAGES, reason="no passage is close")]


def sources_only() -> list[Event]:
    answer = "Open the file in text mode, read it, and close the file. [1]"
    citations = (Citation(READ_TEXT, answer),)
    reason = "The language model at http://127.0.0.1:8003 can't be reached. Start it."
    return [Sources(PASSAGES), Delta(answer), Done("sources_only", answer, citations, PASSAGES, reason=reason)]


def failed(*, retryable: bool = True) -> list[Event]:
    return [Failed("vectordb_unavailable", "The vector database can't be reached.", "Start it again.", retryable)]
