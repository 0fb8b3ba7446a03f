"""Making and changing messages under Discord's rules: limits, mentions, references, flags."""

import re
from typing import Any

from .components import check_components
from .errors import ApiError, form_error
from .world import Json, World, timestamp

EPHEMERAL, LOADING, SUPPRESS_EMBEDS = 64, 128, 4
# Of bots; people who pay for it may write twice as much.
MAX_CONTENT = 2000

_USER, _ROLE = re.compile(r"<@!?(\d+)>"), re.compile(r"<@&(\d+)>")


def check_content(content: Any, *, required: bool, most: int = MAX_CONTENT) -> str:
    """The content as Discord keeps it: trimmed. Raises 50035 and 50006 as Discord does."""
    if content is not None and not isinstance(content, str):
        raise form_error("content", "STRING_TYPE_CONVERT", "Could not interpret as string.")
    text = (content or "").strip()
    if len(text) > most:
        raise form_error("content", "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
    if required and not text:
        raise ApiError(400, 50006, "Cannot send an empty message")
    return text


def check_embeds(embeds: Any) -> list[Json]:
    """Embeds within Discord's limits. Raises 50035."""
    embeds = embeds or []
    if len(embeds) > 10:
        raise form_error("embeds", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
    for embed in embeds:
        fields = embed.get("fields", [])
        if len(fields) > 25:
            raise form_error("fields", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
        limits = [(embed.get("title", ""), 256), (embed.get("description", ""), 4096)]
        limits += [(field["name"], 256) for field in fields] + [(field["value"], 1024) for field in fields]
        if any(len(text) > most for text, most in limits) or not all(
            field["name"] and field["value"] for field in fields
        ):
            raise form_error("embeds", "BASE_TYPE_BAD_LENGTH", "Must be within its limits.")
    if sum(len(text) for embed in embeds for text in _texts(embed)) > 6000:
        raise form_error("embeds", "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000")
    return embeds


def _texts(embed: Json) -> list[str]:
    fields = embed.get("fields", [])
    told = [embed.get("title", ""), embed.get("description", "")]
    return told + [field[part] for field in fields for part in ("name", "value")]


def mentions(world: World, content: str, allowed: Json | None, replied: Json | None) -> Json:
    """Who a message pings. Without `allowed_mentions` everything in the text does."""
    parse = ["everyone", "users", "roles"] if allowed is None else allowed.get("parse", [])
    listed = [str(user) for user in (allowed or {}).get("users", [])]
    roles = [str(role) for role in (allowed or {}).get("roles", [])]
    in_text = [user for user in _USER.findall(content) if user in world.users]
    users = [user for user in in_text if "users" in parse or user in listed]
    if replied and (allowed is None or allowed.get("replied_user", False)):
        users.append(replied["author"]["id"])
    return {
        "mentions": [world.users[user] for user in dict.fromkeys(users)],
        "mention_roles": [role for role in _ROLE.findall(content) if "roles" in parse or role in roles],
        "mention_everyone": "everyone" in parse and bool(re.search(r"@(everyone|here)\b", content)),
    }


def create(world: World, channel: Json, author: Json, body: Json, *, flags: int = 0, message_id: str = "") -> Json:
    """A new message in a channel. `body` is what the API takes; `flags` are added to its own."""
    embeds = check_embeds(body.get("embeds"))
    most = MAX_CONTENT if author.get("bot") else 2 * MAX_CONTENT
    wordless = flags & LOADING or embeds or body.get("attachments")
    content = check_content(body.get("content"), required=not wordless, most=most)
    reference = body.get("message_reference")
    replied = world.messages.get(str(reference["message_id"])) if reference else None
    message = {
        "id": message_id or world.snowflake(),
        "channel_id": channel["id"],
        "author": author,
        "content": content,
        "timestamp": timestamp(),
        "edited_timestamp": None,
        "tts": False,
        "attachments": body.get("attachments") or [],
        "embeds": embeds,
        "components": check_components(body.get("components")),
        "pinned": False,
        "type": 19 if replied else 0,
        "flags": int(body.get("flags") or 0) | flags,
        **mentions(world, content, body.get("allowed_mentions"), replied),
    }
    if "nonce" in body:
        message["nonce"] = body["nonce"]
    if replied:
        message |= {
            "message_reference": {
                "message_id": replied["id"],
                "channel_id": replied["channel_id"],
                "guild_id": channel.get("guild_id"),
            },
            "referenced_message": {key: value for key, value in replied.items() if key != "referenced_message"},
        }
    world.messages[message["id"]] = message
    channel["last_message_id"] = message["id"]
    return message


def edit(world: World, message: Json, body: Json) -> Json:
    """Change a message in place, as PATCH does; a deferred response stops loading."""
    if "content" in body:
        content = check_content(body["content"], required=not message["embeds"])
        message |= {"content": content, **mentions(world, content, body.get("allowed_mentions"), None)}
    if "components" in body:
        message["components"] = check_components(body["components"])
    if "flags" in body and body["flags"] is not None:
        kept = message["flags"] & ~SUPPRESS_EMBEDS
        message["flags"] = kept | (int(body["flags"]) & SUPPRESS_EMBEDS)
    message["flags"] &= ~LOADING
    message["edited_timestamp"] = timestamp()
    return message


def as_seen_by_bot(world: World, message: Json, channel: Json, intents: int) -> Json:
    """A gateway copy: without the content intent, other people's words are blank unless they address the bot."""
    copy = {key: value for key, value in message.items() if key != "reacted_by"}
    if guild_id := channel.get("guild_id"):
        copy["guild_id"] = guild_id
        copy["member"] = {
            key: value
            for key, value in world.member(message["author"], world.guilds[guild_id]).items()
            if key not in ("user", "permissions")
        }
    addressed = any(user["id"] == world.bot["id"] for user in message["mentions"])
    own = message["author"]["id"] == world.bot["id"]
    if not (intents & (1 << 15) or addressed or own or "guild_id" not in copy):
        copy |= {"content": "", "embeds": [], "attachments": [], "components": []}
    return copy
