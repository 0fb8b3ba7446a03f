"""The REST routes a chat bot uses. Each returns a status and a JSON body, or raises ApiError."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from . import errors, messages, threads
from .commands import check_commands
from .world import ChannelType, Json, Permission

if TYPE_CHECKING:
    from .server import Emulator

Reply = tuple[int, Any]
Handler = Callable[["Emulator", web.Request, Json], Awaitable[Reply]]


async def me(emulator: "Emulator", request: web.Request, body: Json) -> Reply:
    return 200, emulator.world.bot


async def application(emulator: "Emulator", request: web.Request, body: Json) -> Reply:
    owner = next(iter(emulator.world.users.values()))
    return 200, {
        "id": emulator.world.application_id,
        "name": "askmesh",
        "icon": None,
        "description": "",
        "bot_public": False,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "owner": owner,
        "flags": 0,
    }


async def gateway_url(emulator: "Emulator", request: web.Request, body: Json) -> Reply:
    return 200, {"url": emulator.gateway.url}


async def gateway_bot(emulator: "Emulator", request: web.Request, body: Json) -> Reply:
    limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
    return 200, {"url": emulator.gateway.url, "shards": emulator.world.shards, "session_start_limit": limit}


async def get_commands(emulator: "Emulator", request: web.Request, body: Json) -> Reply:
    if request.query.get("with_localizations") == "true":
        return 200, emulator.world.commands
    return 200, [_without_localizations(command) for command in emulator.world.commands]


def _without_localizations(command: Json) -> Json:
    options = [_without_localizations(option) for option in command.get("options", [])]
    kept = {key: value for key, value in command.items() if not key.endswith("_localizations")}
    return kept | ({"options": options} if options else {})


def _as_text(bits: Any) -> str | None:
    return None if bits is None else str(bits)


async def put_commands(emulator: "Emulator", request: web.Request, body: Any) -> Reply:
    known = {command["name"]: command["id"] for command in emulator.world.commands}
    emulator.world.commands = [
        {
            "type": 1,
            "version": emulator.world.snowflake(),
            "application_id": emulator.world.application_id,
            "nsfw": False,
            **command,
            "default_member_permissions": _as_text(command.get("default_member_permissions")),
            "id": known.get(command["name"]) or emulator.world.snowflake(),
        }
        for command in check_commands(body)
    ]
    return 200, emulator.world.commands


def channel_of(emulator: "Emulator", request: web.Request) -> Json:
    channel = emulator.world.channels.get(request.match_info["channel"])
    if channel is None:
        raise errors.unknown_channel()
    if not emulator.world.permissions(channel) & Permission.VIEW_CHANNEL:
        raise errors.missing_access()
    return channel


def may_write(emulator: "Emulator", channel: Json) -> None:
    thread = channel["type"] == ChannelType.PUBLIC_THREAD
    needed = Permission.SEND_MESSAGES_IN_THREADS if thread else Permission.SEND_MESSAGES
    granted = emulator.world.permissions(channel)
    if not granted & needed:
        raise errors.missing_permissions()
    if thread and channel["thread_metadata"]["locked"] and not granted & Permission.MANAGE_THREADS:
        raise errors.thread_locked()


def message_of(emulator: "Emulator", request: web.Request) -> Json:
    message = emulator.world.messages.get(request.match_info["message"])
    if message is None or message["channel_id"] != request.match_info["channel"]:
        raise errors.unknown_message()
    return message


async def get_channel(emulator: "Emulator", request: web.Request, body: Json) -> Reply:
    return 200, channel_of(emulator, request)


async def patch_channel(emulator: "Emulator", request: web.Request, body: Json) -> Reply:
    channel = channel_of(emulator, request)
    may_write(emulator, channel)  # enough to open a closed thread that is not locked
    await threads.change(emulator, channel, archived=bool(body.get("archived")))
    return 200, channel


async def get_member(emulator: "Emulator", request: web.Request, body: Json) -> Reply:
    world, user = emulator.world, emulator.world.users.get(request.match_info["user"])
    guild = world.guilds.get(request.match_info["guild"])
    if guild is None or user is None:
        raise errors.ApiError(404, 10007, "Unknown Member")
    return 200, world.member(user, guild)


async def open_dm(emulator: "Emulator", request: web.Request, body: Json) -> Reply:
    return 200, emulator.world.add_dm(emulator.world.users[str(body["recipient_id"])])


async def typing(emulator: "Emulator", request: web.Request, body: Json) -> Reply:
    may_write(emulator, channel_of(emulator, request))
    return 204, None


async def get_message(emulator: "Emulator", request: web.Request, body: Json) -> Reply:
    channel_of(emulator, request)
    return 200, message_of(emulator, request)


async def get_messages(emulator: "Emulator", request: web.Request, body: Json) -> Reply:
    world, channel = emulator.world, channel_of(emulator, request)
    if not world.permissions(channel) & Permission.READ_MESSAGE_HISTORY:
        return 200, []
    limit = int(request.query.get("limit", "50"))
    if not 1 <= limit <= 100:
        raise errors.form_error("limit", "NUMBER_TYPE_MAX", "int value should be less than or equal to 100.")
    found = world.in_channel(channel)
    if after := request.query.get("after"):
        found = [message for message in found if int(message["id"]) > int(after)][:limit]
    if before := request.query.get("before"):
        found = [message for message in found if int(message["id"]) < int(before)]
    shown = [messages.as_seen_by_bot(world, message, channel, world.privileged_intents) for message in found[-limit:]]
    return 200, [
        {key: value for key, value in message.items() if key not in ("guild_id", "member")} for message in shown[::-1]
    ]


async def post_message(emulator: "Emulator", request: web.Request, body: Json) -> Reply:
    channel = channel_of(emulator, request)
    may_write(emulator, channel)
    if body.get("message_reference") and not emulator.world.permissions(channel) & Permission.READ_MESSAGE_HISTORY:
        raise errors.may_not_reply()
    if body.get("enforce_nonce") and (same := emulator.by_nonce(channel, body.get("nonce"))):
        return 200, same
    message = messages.create(emulator.world, channel, emulator.world.bot, body)
    if channel.get("thread_metadata", {}).get("archived"):
        await threads.change(emulator, channel)  # whoever writes in a closed thread opens it
    await emulator.gateway.dispatch_message("MESSAGE_CREATE", message)
    return 200, message


async def patch_message(emulator: "Emulator", request: web.Request, body: Json) -> Reply:
    channel_of(emulator, request)
    message = message_of(emulator, request)
    if message["author"]["id"] != emulator.world.bot["id"]:
        raise errors.ApiError(403, 50005, "Cannot edit a message authored by another user")
    if emulator.world.channels[message["channel_id"]].get("thread_metadata", {}).get("archived"):
        raise errors.thread_archived()
    messages.edit(emulator.world, message, body)
    emulator.note_edit(message)
    await emulator.gateway.dispatch_message("MESSAGE_UPDATE", message)
    return 200, message


async def delete_message(emulator: "Emulator", request: web.Request, body: Json) -> Reply:
    channel_of(emulator, request)
    await emulator.delete(message_of(emulator, request))
    return 204, None


async def thread_from_message(emulator: "Emulator", request: web.Request, body: Json) -> Reply:
    world, channel = emulator.world, channel_of(emulator, request)
    message = message_of(emulator, request)
    if not world.permissions(channel) & Permission.CREATE_PUBLIC_THREADS:
        raise errors.missing_permissions()
    if channel["type"] not in (ChannelType.TEXT, ChannelType.ANNOUNCEMENT):
        raise errors.ApiError(400, 50024, "Cannot execute action on this channel type")
    if message["id"] in world.channels:
        raise errors.thread_exists()
    name = (body.get("name") or "").strip()
    if not 1 <= len(name) <= 100:
        raise errors.form_error("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
    archive = body.get("auto_archive_duration") or 1440
    if archive not in (60, 1440, 4320, 10080):
        raise errors.form_error("auto_archive_duration", "BASE_TYPE_CHOICES", "Value must be one of {60, …}.")
    thread = world.add_thread(channel, name, message["id"], archive)
    message["flags"] |= threads.HAS_THREAD
    await emulator.gateway.dispatch("THREAD_CREATE", thread | {"newly_created": True})
    return 201, thread


async def reactions(emulator: "Emulator", request: web.Request, body: Json) -> Reply:
    channel_of(emulator, request)
    ids = threads.reactors(message_of(emulator, request), request.match_info["emoji"])
    return 200, [emulator.world.users[user] for user in ids[: int(request.query.get("limit", "25"))]]


async def archived_threads(emulator: "Emulator", request: web.Request, body: Json) -> Reply:
    channel, limit = channel_of(emulator, request), int(request.query.get("limit", "50"))
    if not emulator.world.permissions(channel) & Permission.READ_MESSAGE_HISTORY:
        raise errors.missing_access()
    found = threads.archived(emulator.world, channel, request.query.get("before"))
    return 200, {"threads": found[:limit], "members": [], "has_more": len(found) > limit}


async def callback(emulator: "Emulator", request: web.Request, body: Json) -> Reply:
    interaction, message = emulator.interactions.acknowledge(
        request.match_info["interaction"], request.match_info["token"], body
    )
    if message and not interaction.ephemeral:
        await emulator.gateway.dispatch_message("MESSAGE_CREATE", message)
    if not emulator.tells_callbacks or request.query.get("with_response", "").lower() not in ("1", "true"):
        return 204, None
    told: Json = {"id": interaction.id, "type": interaction.payload["type"]}
    resource: Json = {"type": body["type"]}
    if message:
        told |= {
            "response_message_id": message["id"],
            "response_message_loading": bool(message["flags"] & messages.LOADING),
            "response_message_ephemeral": interaction.ephemeral,
        }
        resource["message"] = message
    return 200, {"interaction": told, "resource": resource}


async def followup(emulator: "Emulator", request: web.Request, body: Json) -> Reply:
    interaction = emulator.interactions.with_token(request.match_info["application"], request.match_info["token"])
    if interaction.response and interaction.response["flags"] & messages.LOADING:
        # The first follow-up of a deferred response takes its place.
        message = messages.edit(emulator.world, interaction.response, body)
        await emulator.tell_edit(interaction, message)
        return 200, message
    flags = int(body.get("flags") or 0) & messages.EPHEMERAL
    message = messages.create(emulator.world, interaction.channel, emulator.world.bot, body, flags=flags)
    interaction.followups.append(message)
    if not flags:
        await emulator.gateway.dispatch_message("MESSAGE_CREATE", message)
    return 200, message


async def get_response(emulator: "Emulator", request: web.Request, body: Json) -> Reply:
    interaction = emulator.interactions.with_token(request.match_info["application"], request.match_info["token"])
    return 200, emulator.interactions.message(interaction, request.match_info["message"])


async def patch_response(emulator: "Emulator", request: web.Request, body: Json) -> Reply:
    interaction = emulator.interactions.with_token(request.match_info["application"], request.match_info["token"])
    message = emulator.interactions.message(interaction, request.match_info["message"])
    messages.edit(emulator.world, message, body)
    emulator.note_edit(message)
    await emulator.tell_edit(interaction, message)
    return 200, message


async def delete_response(emulator: "Emulator", request: web.Request, body: Json) -> Reply:
    interaction = emulator.interactions.with_token(request.match_info["application"], request.match_info["token"])
    await emulator.delete(emulator.interactions.message(interaction, request.match_info["message"]))
    return 204, None


ROUTES: dict[tuple[str, str], Handler] = {
    ("GET", "/users/@me"): me,
    ("GET", "/oauth2/applications/@me"): application,
    ("GET", "/applications/@me"): application,
    ("GET", "/gateway"): gateway_url,
    ("GET", "/gateway/bot"): gateway_bot,
    ("GET", "/applications/{application}/commands"): get_commands,
    ("PUT", "/applications/{application}/commands"): put_commands,
    ("POST", "/users/@me/channels"): open_dm,
    ("GET", "/guilds/{guild}/members/{user}"): get_member,
    ("GET", "/channels/{channel}"): get_channel,
    ("PATCH", "/channels/{channel}"): patch_channel,
    ("POST", "/channels/{channel}/typing"): typing,
    ("POST", "/channels/{channel}/messages"): post_message,
    ("GET", "/channels/{channel}/messages"): get_messages,
    ("GET", "/channels/{channel}/messages/{message}"): get_message,
    ("PATCH", "/channels/{channel}/messages/{message}"): patch_message,
    ("DELETE", "/channels/{channel}/messages/{message}"): delete_message,
    ("POST", "/channels/{channel}/messages/{message}/threads"): thread_from_message,
    ("GET", "/channels/{channel}/messages/{message}/reactions/{emoji}"): reactions,
    ("GET", "/channels/{channel}/threads/archived/public"): archived_threads,
    ("POST", "/interactions/{interaction}/{token}/callback"): callback,
    ("POST", "/webhooks/{application}/{token}"): followup,
    ("GET", "/webhooks/{application}/{token}/messages/{message}"): get_response,
    ("PATCH", "/webhooks/{application}/{token}/messages/{message}"): patch_response,
    ("DELETE", "/webhooks/{application}/{token}/messages/{message}"): delete_response,
}
# Authorised by the token in the path instead of the bot's.
TOKEN_IN_PATH = ("/interactions/", "/webhooks/")
