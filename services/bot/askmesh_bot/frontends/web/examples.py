"""Questions to begin with, made from what was learned: a heading or a docstring's first line, asked back."""

import re
from collections.abc import Iterator
from itertools import chain, zip_longest

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from askmesh_bot.answering.asked_back import how_do_i, is_speakable, is_task, stands_alone
from askmesh_bot.database.models import DocumentRow, SourceRow

_MOST_SOURCES = 50
_ASKED_SOURCES = 6
_DOCUMENTS_PER_SOURCE = 4
# Enough of a document to find a good line in, in characters.
_READ_CHARS = 20_000

_HEADING = re.compile(r"^#{1,4} +(.{4,80}?) *#*$|^(\S.{3,80})\n[=~^\-]{4,}$", re.MULTILINE)
_DOCSTRING = re.compile(
    r"^\s*(?:async )?def (?!_)\w+\([^)]*\)[^:\n]*:\s*\n\s*[rR]?\"\"\"\s*(\S[^\n\"]{15,80}?)\.?\s*(?:\"\"\"|\n)",
    re.MULTILINE,
)


async def learned_sources(session: AsyncSession, collection: str) -> list[tuple[str, str, int]]:
    """(id, title, number of documents) of the sources with documents that everyone may read, largest first."""
    count = func.count(DocumentRow.id)
    rows = await session.execute(
        select(SourceRow.id, SourceRow.title, count)
        .join(DocumentRow, (DocumentRow.collection == SourceRow.collection) & (DocumentRow.source == SourceRow.id))
        .where(SourceRow.collection == collection, DocumentRow.public)
        .group_by(SourceRow.id, SourceRow.title)
        .order_by(count.desc(), SourceRow.id)
        .limit(_MOST_SOURCES)
    )
    return [(source, title or source, documents) for source, title, documents in rows]


async def example_questions(session: AsyncSession, collection: str, sources: list[str], limit: int = 4) -> list[str]:
    """Up to `limit` questions, taken in turn from the sources so that each shows what it is good for."""
    asked = [await _from_source(session, collection, source) for source in sources[:_ASKED_SOURCES]]
    in_turn = chain.from_iterable(zip_longest(*asked))
    return list(dict.fromkeys(question for question in in_turn if question))[:limit]


async def _from_source(session: AsyncSession, collection: str, source: str) -> list[str]:
    rows = await session.execute(
        select(DocumentRow.title, DocumentRow.kind, func.substr(DocumentRow.text, 1, _READ_CHARS))
        .where(DocumentRow.collection == collection, DocumentRow.source == source, DocumentRow.public)
        .order_by(DocumentRow.chunks.desc(), DocumentRow.id)
        .limit(_DOCUMENTS_PER_SOURCE)
    )
    documents = [list(questions_about(title, kind, text)) for title, kind, text in rows]
    questions = [question for question in chain.from_iterable(zip_longest(*documents)) if question]
    # What a page is about is asked only where no page says how to do something.
    return sorted(questions, key=lambda question: question.endswith(" about?"))[:4]


def questions_about(title: str, kind: str, text: str) -> Iterator[str]:
    """The questions that a document's own lines suggest, best first."""
    if kind == "docstring":
        lines = (match[1] for match in _DOCSTRING.finditer(text))
        yield from (f"{how_do_i(line)} with {title}?" for line in lines if is_task(line))
        return
    headings = [(match[1] or match[2]).strip() for match in _HEADING.finditer(text)]
    yield from (heading for heading in headings if heading.endswith("?") and is_speakable(heading))
    yield from (f"{how_do_i(heading)}?" for heading in headings if is_task(heading) and stands_alone(heading))
    if title and is_speakable(title):
        yield f"What is {title} about?"
