"""Calling Discord's API without being hung by it, and telling apart why a call failed."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import aiohttp
import discord
from askmesh_kit.logs import get_logger

from askmesh_bot.frontends.discord.pause import PAUSE

log = get_logger("askmesh.discord.rest")
T = TypeVar("T")

# Unknown channel, message or thread; missing access or permission; archived or locked thread; blocked DMs.
_GONE = {10003, 10008, 50001, 50007, 50013, 50083, 160005}
# Unknown webhook or interaction; webhook token invalid, which is how a token older than 15 minutes looks.
_TOKEN_EXPIRED = {10015, 10062, 50027}
ALREADY_ACKNOWLEDGED, UNKNOWN_INTERACTION, THREAD_EXISTS = 40060, 10062, 160004
# A reply needs Read Message History; a message in a closed thread can't be edited.
MAY_NOT_REPLY, THREAD_ARCHIVED = 160002, 50083

_running: set[asyncio.Task[Any]] = set()


async def bounded(call: Coroutine[Any, Any, T], seconds: float) -> T:
    """The call's result. Raises TimeoutError after `seconds`, which do not count while all calls are paused.

    Neither the timeout nor a cancellation reaches the call itself: discord.py, cancelled while it waits for a global
    rate limit, would never let another request pass.
    """
    try:
        await PAUSE.over()
    except asyncio.CancelledError:
        call.close()
        raise
    task = asyncio.ensure_future(call)
    _running.add(task)
    task.add_done_callback(_finished)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        raise TimeoutError(f"Discord did not answer within {seconds:g} s")
    return task.result()


def is_gone(error: Exception) -> bool:
    """Whether there is no place left to write to: deleted, archived or forbidden."""
    return isinstance(error, discord.HTTPException) and error.code in _GONE


def is_expired(error: Exception) -> bool:
    """Whether an interaction's token can't be used any more."""
    return isinstance(error, discord.HTTPException) and (error.code in _TOKEN_EXPIRED or error.status == 401)


def is_transient(error: Exception) -> bool:
    """Whether the same call may succeed a moment later."""
    if isinstance(error, discord.HTTPException):
        return error.status >= 500 or error.status == 429
    return isinstance(error, OSError | aiohttp.ClientError | TimeoutError)


def may_pass(error: Exception) -> bool:
    """The same, or it is no answer of Discord's: a page of a proxy's, say, that discord.py can't read."""
    return is_transient(error) or not isinstance(error, discord.HTTPException)


def _finished(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    # Read even where nobody waits any more, so that it is not reported as never retrieved.
    if not task.cancelled() and (error := task.exception()):
        log.debug("call_failed", error=str(error))
