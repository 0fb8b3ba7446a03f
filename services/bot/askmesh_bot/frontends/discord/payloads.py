"""Completes events that leave out what discord.py insists on, though an answer needs none of it."""

from typing import Any

_USER = {"discriminator": "0", "avatar": None}
_MEMBER = {"roles": [], "flags": 0, "joined_at": None}
_INTERACTION = {"version": 1, "attachment_size_limit": 10 << 20}
_MESSAGE = {"type": 0, "content": "", "mentions": [], "attachments": [], "embeds": []}


def completed(event: str, data: Any) -> Any:
    """`data` of an event, as discord.py reads it. What can't be completed is left as it is."""
    if not isinstance(data, dict):
        return data
    if event == "INTERACTION_CREATE":
        return _interaction(data)
    if event == "MESSAGE_CREATE":
        return _MESSAGE | data | _people(data)
    if event == "MESSAGE_UPDATE":
        # Who wrote it need not be told: what counts is that the message changed.
        return _MESSAGE | {"author": _USER | {"id": "0", "username": ""}} | data | _people(data)
    return data


def _interaction(data: dict[str, Any]) -> dict[str, Any]:
    told = _INTERACTION | data | _people(data)
    if not isinstance(told.get("channel"), dict) and told.get("channel_id"):
        # discord.py knows where it was asked by this only.
        told["channel"] = {"id": told["channel_id"]}
    return told


def _people(data: dict[str, Any]) -> dict[str, Any]:
    """Whoever wrote or clicked."""
    found: dict[str, Any] = {}
    for key in ("author", "user"):
        if isinstance(person := data.get(key), dict):
            found[key] = _USER | person
    if isinstance(member := data.get("member"), dict):
        found["member"] = _MEMBER | member
        if isinstance(person := member.get("user"), dict):
            found["member"]["user"] = _USER | person
    return found
