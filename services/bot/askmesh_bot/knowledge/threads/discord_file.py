"""Discord channels as DiscordChatExporter writes them in JSON: a thread or forum post is one thread, the replies in an
ordinary channel are followed back to the message they began with. Bots' messages are not learned."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeGuard

from askmesh_bot.knowledge.threads.base import Message, Thread
from askmesh_bot.knowledge.threads.reading import rows_of, text_of, time_of

_CHECK_MARKS = {"✅", "☑️", "✔️", "white_check_mark", "ballot_box_with_check", "heavy_check_mark"}
_SAID = {"Default", "Reply", "ThreadStarterMessage"}


def is_discord(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a JSON value is such an export."""
    return isinstance(value, dict) and all(isinstance(value.get(key), dict) for key in ("guild", "channel"))


def read_discord(export: dict[str, Any], *, private: bool) -> Iterator[Thread]:
    """The threads of an export that `is_discord`; those of direct messages only if `private`."""
    guild, channel = export["guild"], export["channel"]
    kind, channel_id = text_of(channel, "type"), text_of(channel, "id")
    if "Direct" in kind and not private:
        return
    home = f"https://discord.com/channels/{text_of(guild, 'id') or '@me'}/{channel_id}"
    rows = [row for row in rows_of(export, "messages") if _is_said(row)]
    if "Thread" in kind:
        name = text_of(channel, "category")
        turns = tuple(_message(row, home) for row in rows)
        yield Thread(channel_id, turns, title=text_of(channel, "name"), url=home, channel=f"#{name}" if name else "")
        return
    for root, group in _by_reply(rows).items():
        turns = tuple(_message(row, home) for row in group)
        yield Thread(f"{channel_id}/{root}", turns, url=f"{home}/{root}", channel=f"#{text_of(channel, 'name')}")


def _is_said(row: Mapping[str, Any]) -> bool:
    author = row.get("author")
    return text_of(row, "type") in _SAID and not (isinstance(author, dict) and author.get("isBot"))


def _by_reply(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Messages by the one that their chain of replies began with; oldest first, as exports are."""
    root: dict[str, str] = {}
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        own, reference = text_of(row, "id"), row.get("reference")
        to = text_of(reference, "messageId") if isinstance(reference, dict) else ""
        root[own] = root.get(to, own)
        groups.setdefault(root[own], []).append(row)
    return groups


def _message(row: Mapping[str, Any], home: str) -> Message:
    author = row.get("author") if isinstance(row.get("author"), dict) else {}
    assert isinstance(author, dict)
    marks = [reaction.get("emoji") for reaction in rows_of(row, "reactions")]
    names = {text_of(mark, key) for mark in marks if isinstance(mark, dict) for key in ("name", "code")}
    message_id = text_of(row, "id")
    return Message(
        id=message_id,
        author=text_of(author, "nickname") or text_of(author, "name") or "someone",
        text=text_of(row, "content"),
        sent_at=time_of(row.get("timestamp")) or datetime.fromtimestamp(0, UTC),
        edited_at=time_of(row.get("timestampEdited")),
        url=f"{home}/{message_id}",
        accepted=bool(names & _CHECK_MARKS),
    )
