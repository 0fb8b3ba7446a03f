"""An assistant that says what a test tells it to, through the real conversations."""

import asyncio
from collections.abc import AsyncIterator, Callable

from askmesh_bot.answering.base import Citation, Delta, Done, Event, Failed, Passage, Question, Sources, Status

READ_TEXT = "https://docs.example.org/pathlib.html#pathlib.Path.read_text"


def passage(number: int, url: str = READ_TEXT, header: str = "pathlib.Path.read_text(encoding=None)") -> Passage:
    return Passage(
        number=number,
        id=f"p{number}",
        text="Open the file in text mode, read it, and close the file.",
        header=header,
        title="pathlib",
        url=url,
        source="stdlib",
        document="pathlib",
        kind="docstring",
        similarity=0.8,
    )


PASSAGES = (passage(1), passage(2, url="/read/default/docs/deploy.md#L3-L9", header="askmesh › Deploy › Compose"))


async def answered(
    text: str,
    *,
    passages: tuple[Passage, ...] = PASSAGES,
    cited: tuple[int, ...] = (1, 2),
    pause_s: float = 0.0,
    timings_ms: dict[str, float] | None = None,
    holds: Callable[[int], object] = lambda said: False,
) -> AsyncIterator[Event]:
    """The events of an answer, its words one by one with a pause before each. `holds`: asked with how many were said,
    whether to wait with the next."""
    yield Status("searching", "Searching 2 sources")
    await _while(holds, 0)
    yield Sources(passages)
    yield Status("reading", f"Reading {len(passages)} passages")
    citations = tuple(Citation(item, text) for item in passages if item.number in cited)
    for said, word in enumerate(text.split(" "), start=1):
        await asyncio.sleep(pause_s)
        yield Delta(word + " ")
        await _while(holds, said)
    for citation in citations:
        yield citation
    yield Done("answered", text, citations=citations, passages=passages, model="scripted", timings_ms=timings_ms or {})


async def _while(holds: Callable[[int], object], said: int) -> None:
    while holds(said):
        await asyncio.sleep(0.01)


async def abstained() -> AsyncIterator[Event]:
    yield Status("searching", "Searching 2 sources")
    yield Done("abstained", "", passages=PASSAGES, reason="no passage is close enough")


async def sources_only() -> AsyncIterator[Event]:
    yield Sources(PASSAGES)
    yield Done("sources_only", "> Open the file in text mode. [1]", passages=PASSAGES, reason="the model is down")


async def failed() -> AsyncIterator[Event]:
    yield Failed("peer_unavailable", "The search is not reachable.", "Start the vectordb service.", retryable=True)


async def broken() -> AsyncIterator[Event]:
    yield Status("searching", "Searching")
    raise RuntimeError("boom")


Script = Callable[[Question], AsyncIterator[Event]]
ANSWER = "Call `Path.read_text()` on the path [1]. Give it an encoding [2]."


class ScriptedAssistant:
    """Answers with `script`; keeps the questions it was asked."""

    def __init__(self) -> None:
        self.script: Script = lambda question: answered(ANSWER)
        self.questions: list[Question] = []

    async def answer(self, question: Question) -> AsyncIterator[Event]:
        self.questions.append(question)
        async for event in self.script(question):
            yield event
