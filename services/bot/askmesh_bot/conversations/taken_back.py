"""Drops from stored answers what people took back: words of threads that do not stand there any more."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Text, cast, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from askmesh_bot.database.models import AnswerRow, AnswerThreadRow, DocumentRow, GoldenRow, SourceRow

_BATCH = 200
# The reason of an answer that lost its words.
REASON = "A message that this answer rested on was taken back."


def threads_of(passages: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """The threads that passages are of, by source and document."""
    return {(str(item["source"]), str(item["document"])) for item in passages if item.get("kind") == "thread"}


async def take_back(session: AsyncSession, collection: str, source: str, document: str, text: str) -> None:
    """A thread is now `text`, empty where it is gone: stored answers forget what else they hold of it, also those that
    were accepted as golden."""
    after, told = "", set[str]()
    while ids := list(await session.scalars(_holding(collection, source, document, after))):
        after = ids[-1]
        for row in await session.scalars(select(AnswerRow).where(AnswerRow.id.in_(ids))):
            if _redact(row, source, document, text):
                continue
            told.add(row.id)
    # A thread of thousands that are learned is named by few golden answers: the database looks for it in their text.
    named = cast(GoldenRow.places, Text).contains(json.dumps(document)[1:-1], autoescape=True)
    golden = await session.scalars(select(GoldenRow).where(GoldenRow.collection == collection, named))
    lost = [row.id for row in golden if row.id not in told and (source, document) in _places(row)]
    if lost:
        await session.execute(delete(GoldenRow).where(GoldenRow.id.in_(lost)))


async def take_back_early(session: AsyncSession, row: AnswerRow) -> None:
    """The same for an answer that is about to be stored: threads may have changed while it was written."""
    for source, document in sorted(threads_of(row.passages)):
        text = await session.scalar(
            select(DocumentRow.text).where(
                DocumentRow.collection == row.collection, DocumentRow.source == source, DocumentRow.id == document
            )
        )
        if text is None and await session.get(SourceRow, (row.collection, source)) is None:
            continue  # not of this database
        _redact(row, source, document, text or "")


def stands(passage: str, text: str) -> bool:
    """Whether every line of a thread's passage is in the thread's text."""
    whole = _plain(text)
    return all(_plain(line) in whole for line in passage.splitlines())


def _plain(line: str) -> str:
    """As both write it: passages have headings, one-line questions and cut ones."""
    words = line.lstrip("# ").removesuffix(" …").replace(" (corrected below)", "").replace("`", "")
    return " ".join(words.split())


def _holding(collection: str, source: str, document: str, after: str) -> Any:
    table = AnswerThreadRow
    query = select(AnswerRow.id).join(table, table.answer_id == AnswerRow.id)
    query = query.where(table.source == source, table.document == document, AnswerRow.collection == collection)
    return query.where(AnswerRow.id > after).order_by(AnswerRow.id).limit(_BATCH)


def _redact(row: AnswerRow, source: str, document: str, text: str) -> bool:
    """Whether the answer itself is dropped, and not only what it did not use."""

    def lost(passage: Mapping[str, Any]) -> bool:
        told = str(passage.get("text") or "")
        return (passage["source"], passage["document"]) == (source, document) and not stands(told, text)

    used = [citation["passage"] for citation in row.citations]
    if not any(map(lost, (*row.passages, *used))):
        return False
    # Without citations it is made of what was found, and nothing tells of which part.
    dropped = any(map(lost, used)) or (row.outcome != "abstained" and not used)
    row.passages = [_without_words(passage) if lost(passage) else passage for passage in row.passages]
    if dropped:
        row.answer, row.reason = "", REASON
    row.citations = [
        {
            "sentence": "" if dropped else citation["sentence"],
            "passage": _without_words(citation["passage"]) if lost(citation["passage"]) else citation["passage"],
        }
        for citation in row.citations
    ]
    return dropped


def _without_words(passage: Mapping[str, Any]) -> dict[str, Any]:
    return {**passage, "text": "", "header": "", "title": ""}


def _places(row: GoldenRow) -> set[tuple[Any, Any]]:
    return {(place.get("source"), place.get("document")) for place in row.places}
