"""What people and moderators do to threads: begin, close, tag, delete, purge, ban; and the listing of closed ones."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from . import messages
from .world import Json, World, timestamp

if TYPE_CHECKING:
    from .server import Emulator

STARTER = 21
HAS_THREAD = 1 << 5


async def begin(emulator: "Emulator", owner: Json, message: Json, name: str) -> Json:
    """A thread on a message, as its author or somebody else begins it. Its first message only points to the other."""
    world = emulator.world
    parent = world.channels[message["channel_id"]]
    thread = world.add_thread(parent, name, message["id"], 1440, owner=owner)
    message["flags"] |= HAS_THREAD
    await emulator.gateway.dispatch("THREAD_CREATE", thread | {"newly_created": True})
    starter = messages.create(world, thread, owner, {}, flags=messages.LOADING)
    starter |= {"type": STARTER, "flags": 0, "content": "", "referenced_message": None}
    starter["message_reference"] = {
        "message_id": message["id"],
        "channel_id": parent["id"],
        "guild_id": parent["guild_id"],
    }
    return thread


async def change(
    emulator: "Emulator",
    thread: Json,
    *,
    archived: bool = False,
    locked: bool = False,
    tags: Sequence[str] | None = None,
) -> None:
    """Close a thread, or open it again; give it exactly these tags."""
    thread["thread_metadata"] |= {"archived": archived, "locked": locked, "archive_timestamp": timestamp()}
    if tags is not None:
        known = emulator.world.channels[thread["parent_id"]]["available_tags"]
        thread["applied_tags"] = [tag["id"] for tag in known if tag["name"] in tags]
    await emulator.gateway.dispatch("THREAD_UPDATE", thread)


async def edit(emulator: "Emulator", message: Json, text: str) -> None:
    """Its author changes a message."""
    messages.edit(emulator.world, message, {"content": text})
    await emulator.gateway.dispatch_message("MESSAGE_UPDATE", message)


async def purge(emulator: "Emulator", gone: Sequence[Json]) -> None:
    """Delete many messages of one channel at once."""
    where = emulator.world.channels[gone[0]["channel_id"]]
    for message in gone:
        emulator.world.messages.pop(message["id"])
    ids = [message["id"] for message in gone]
    await emulator.gateway.dispatch(
        "MESSAGE_DELETE_BULK", {"ids": ids, "channel_id": where["id"], "guild_id": where["guild_id"]}
    )


async def ban(emulator: "Emulator", user: Json, guild: Json) -> None:
    """Ban somebody with all they wrote. Nothing is told of the messages, the least that may be expected."""
    world = emulator.world
    for key in [key for key, message in world.messages.items() if message["author"]["id"] == user["id"]]:
        del world.messages[key]
    await emulator.gateway.dispatch("GUILD_BAN_ADD", {"guild_id": guild["id"], "user": user})


async def delete(emulator: "Emulator", channel: Json) -> None:
    """Delete a thread, or a channel with its threads."""
    world = emulator.world
    inner = [key for key, other in world.channels.items() if other.get("parent_id") == channel["id"]]
    for key in [channel["id"], *inner]:
        world.channels.pop(key)
    world.messages = {key: m for key, m in world.messages.items() if m["channel_id"] in world.channels}
    await emulator.gateway.dispatch("CHANNEL_DELETE" if "thread_metadata" not in channel else "THREAD_DELETE", channel)


def archived(world: World, channel: Json, before: str | None) -> list[Json]:
    """The closed threads of a channel, those closed last first."""
    found = [
        thread
        for thread in world.channels.values()
        if thread.get("parent_id") == channel["id"] and thread.get("thread_metadata", {}).get("archived")
    ]
    if before:
        limit = datetime.fromisoformat(before)
        found = [thread for thread in found if _closed_at(thread) < limit]
    return sorted(found, key=_closed_at, reverse=True)


def _closed_at(thread: Json) -> datetime:
    return datetime.fromisoformat(thread["thread_metadata"]["archive_timestamp"])


def note_reaction(message: Json, user: Json, emoji: str, *, back: bool) -> None:
    """Keep who reacted, and show how often."""
    by = message.setdefault("reacted_by", {})
    people = by.setdefault(emoji, [])
    if back and user["id"] in people:
        people.remove(user["id"])
    elif not back and user["id"] not in people:
        people.append(user["id"])
    message["reactions"] = [
        {
            "emoji": {"id": None, "name": name},
            "count": len(ids),
            "count_details": {"burst": 0, "normal": len(ids)},
            "burst_colors": [],
            "me_burst": False,
            "burst_me": False,
            "burst_count": 0,
            "me": False,
        }
        for name, ids in by.items()
        if ids
    ]


def reactors(message: Json, emoji: str) -> list[str]:
    """Who reacted so."""
    return list(message.get("reacted_by", {}).get(emoji, []))
