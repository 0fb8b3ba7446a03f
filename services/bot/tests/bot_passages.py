"""Passages for tests of the answering steps."""

from typing import Any

from askmesh_bot.answering.base import Passage
from askmesh_bot.answering.citations import CitationCheck, Strictness
from askmesh_bot.answering.draft import Draft

STRICT = Strictness(min_overlap=0.5, min_closeness=0.55, unsupported="drop")

_RELEASE = (
    "Python 3.11 was released in October 2022. It is between 10 and 60 percent faster than Python 3.10. "
    'Use the option "--enable-optimizations" when building.'
)
TEXTS = (
    ("pathlib.Path.read_text(encoding=None, errors=None)", "Open the file in text mode, read it, and close the file."),
    ("Release notes › 3.11", _RELEASE),
    (
        "json.dumps(obj, indent=None)",
        "Serialize `obj` to a JSON formatted `str`. If `indent` is 2, lines are indented.",
    ),
)


def passage(number: int, header: str = "", text: str = "", **values: Any) -> Passage:
    fields: dict[str, Any] = {"title": "", "source": "s", "document": "d", "kind": "text", "url": f"/read/{number}"}
    return Passage(**{**fields, "number": number, "id": f"p{number}", "header": header, "text": text, **values})


def passages() -> list[Passage]:
    return [passage(number, header, text) for number, (header, text) in enumerate(TEXTS, start=1)]


async def never_close(_: str, __: object) -> None:
    """Meaning can't be told, so words decide."""


async def drafted(text: str, strictness: Strictness = STRICT, piece: int = 5) -> Draft:
    """The draft of a whole model output, streamed in pieces."""
    draft = Draft(CitationCheck(passages(), strictness, never_close))
    for start in range(0, len(text), piece):
        await draft.add(text[start : start + piece])
    await draft.finish()
    draft.remark()
    return draft
