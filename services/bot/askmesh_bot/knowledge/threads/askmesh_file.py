"""askmesh's own format: JSON Lines, a thread a line. docs/learn.md describes it."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from askmesh_bot.knowledge.threads.base import Message, Thread
from askmesh_bot.knowledge.threads.reading import Unreadable, load_lines, rows_of, text_of, time_of


def read_lines(path: Path) -> Iterator[Thread]:
    """The threads of a file. Raises Unreadable for a line that is not a thread, and OSError."""
    for number, row in load_lines(path):
        if not isinstance(row, dict) or not text_of(row, "id") or not isinstance(row.get("messages"), list):
            raise Unreadable(f"{path.name}, line {number} has no `id` or no `messages`")
        turns = enumerate(rows_of(row, "messages"), start=1)
        messages = [_message(item, position) for position, item in turns if not item.get("deleted")]
        yield Thread(
            id=text_of(row, "id"),
            messages=tuple(sorted(messages, key=lambda message: message.sent_at)),
            title=text_of(row, "title"),
            url=text_of(row, "url"),
            channel=text_of(row, "channel"),
            audience=_audience(row) or ("public",),
        )


def _message(row: Mapping[str, Any], position: int) -> Message:
    return Message(
        id=text_of(row, "id") or str(position),
        author=text_of(row, "author") or "someone",
        text=text_of(row, "text"),
        sent_at=time_of(row.get("time")) or datetime.fromtimestamp(0, UTC),
        edited_at=time_of(row.get("edited")),
        url=text_of(row, "url"),
        accepted=row.get("accepted") is True,
        audience=_audience(row),
    )


def _audience(row: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Who may see it. What is there but no list of names is for nobody: better unseen than shown."""
    if "audience" not in row or row["audience"] is None:
        return None
    given = row["audience"]
    names = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    return tuple(sorted({name for name in names if isinstance(name, str) and name})) or ("nobody",)
