"""Slack workspace exports, unpacked: a folder per channel with a JSON file per day. Public channels are learned; private
ones and direct messages only when asked for."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

from askmesh_bot.knowledge.threads.base import Message, Thread
from askmesh_bot.knowledge.threads.reading import load_json, rows_of, text_of, time_of

_PUBLIC, _PRIVATE = "channels.json", ("groups.json", "dms.json", "mpims.json")
_CHECK_MARKS = {"white_check_mark", "heavy_check_mark", "ballot_box_with_check"}
_SAID = {"", "thread_broadcast", "me_message"}
_MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|([^>]*))?>")
_CHANNEL = re.compile(r"<#[A-Z0-9]+\|([^>]*)>")
_GROUP = re.compile(r"<!(?:subteam\^[A-Z0-9]+\|)?@?([^>|]*)(?:\|[^>]*)?>")
_LINK = re.compile(r"<((?:https?|mailto):[^>|]+)(?:\|([^>]*))?>")


@dataclass(frozen=True)
class Channel:
    """A channel of an export, by its folder's name."""

    id: str
    name: str


def is_slack(folder: Path) -> bool:
    """Whether a folder is an unpacked export."""
    return (folder / _PUBLIC).is_file() and (folder / "users.json").is_file()


def read_slack(folder: Path, *, private: bool) -> Iterator[Thread]:
    """Threads of the export's channels, those people may join or all. Raises Unreadable and OSError."""
    users = _users(folder)
    for channel in _channels(folder, private=private):
        place = folder / channel.name
        # Never outside the export, whatever a channel is called.
        if place.parent == folder and place.is_dir() and not place.is_symlink():
            yield from _threads(place, channel, users)


def _users(folder: Path) -> dict[str, str]:
    found = {}
    for row in rows_of({"users": load_json(folder / "users.json")}, "users"):
        profile = row.get("profile") if isinstance(row.get("profile"), dict) else {}
        assert isinstance(profile, dict)
        found[text_of(row, "id")] = text_of(profile, "display_name") or text_of(row, "name")
    return found


def _channels(folder: Path, *, private: bool) -> Iterator[Channel]:
    for name in (_PUBLIC, *_PRIVATE) if private else (_PUBLIC,):
        if (folder / name).is_file():
            for row in rows_of({"channels": load_json(folder / name)}, "channels"):
                yield Channel(text_of(row, "id"), text_of(row, "name") or text_of(row, "id"))


def _threads(place: Path, channel: Channel, users: Mapping[str, str]) -> Iterator[Thread]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for day in sorted(place.glob("*.json")):
        if day.is_symlink() or not day.is_file():
            continue
        for row in rows_of({"messages": load_json(day)}, "messages"):
            if text_of(row, "type") == "message" and text_of(row, "subtype") in _SAID and not row.get("bot_id"):
                groups.setdefault(text_of(row, "thread_ts") or text_of(row, "ts"), []).append(row)
    for root, rows in groups.items():
        turns = sorted((_message(row, users) for row in rows), key=lambda message: message.sent_at)
        # Without its first message, a thread is replies to nobody knows what.
        if turns[0].id == _anchor(root):
            yield Thread(f"{channel.id}/{_anchor(root)}", tuple(turns), channel=f"#{channel.name}")


def _message(row: Mapping[str, Any], users: Mapping[str, str]) -> Message:
    user = text_of(row, "user")
    edited = row.get("edited")
    return Message(
        id=_anchor(text_of(row, "ts")),
        author=users.get(user) or text_of(row, "username") or user or "someone",
        text=_markdown(text_of(row, "text"), users),
        sent_at=time_of(text_of(row, "ts")) or datetime.fromtimestamp(0, UTC),
        edited_at=time_of(edited.get("ts")) if isinstance(edited, dict) else None,
        accepted=any(text_of(reaction, "name") in _CHECK_MARKS for reaction in rows_of(row, "reactions")),
    )


def _anchor(ts: str) -> str:
    """As a message's permalink names it: `…/archives/CHANNEL/p1482960137003543`."""
    return "p" + ts.replace(".", "")


def _markdown(text: str, users: Mapping[str, str]) -> str:
    text = _MENTION.sub(lambda found: "@" + (users.get(found[1]) or found[2] or "someone"), text)
    text = _CHANNEL.sub(r"#\1", text)
    text = _LINK.sub(lambda found: f"[{found[2]}]({found[1]})" if found[2] else found[1], text)
    text = _GROUP.sub(r"@\1", text)
    return unescape(text)
