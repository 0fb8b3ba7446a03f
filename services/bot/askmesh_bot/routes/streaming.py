"""Server-sent events of one answer."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

from askmesh_bot.answering.base import Citation, Delta, Failed, Sources, Status
from askmesh_bot.conversations.service import Answered, ConversationEvent
from askmesh_bot.schemas import answer_out, citation_out, passage_out

# Proxies close a stream that is silent for long; a comment keeps it open and means nothing to clients.
_KEEP_ALIVE_S = 15.0
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def first_then_rest(
    events: AsyncGenerator[ConversationEvent, None],
) -> tuple[ConversationEvent, AsyncGenerator[ConversationEvent, None]]:
    """The first event, and all of them: what goes wrong before the first can still be answered with a status."""
    first = await anext(events)

    async def everything() -> AsyncGenerator[ConversationEvent, None]:
        try:
            yield first
            async for event in events:
                yield event
        finally:
            await events.aclose()

    return first, everything()


async def server_sent(events: AsyncGenerator[ConversationEvent, None], base_url: str) -> AsyncGenerator[bytes, None]:
    """Each event as bytes. A reader who goes away cancels this, and with it the answer."""
    upcoming = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            done, _ = await asyncio.wait({upcoming}, timeout=_KEEP_ALIVE_S)
            if not done:
                yield b": still here\n\n"
                continue
            event = upcoming.result()
            if event is None:
                return
            yield encode(*wire(event, base_url))
            upcoming = asyncio.ensure_future(anext(events, None))
    finally:
        upcoming.cancel()
        await asyncio.gather(upcoming, return_exceptions=True)
        await events.aclose()


def wire(event: ConversationEvent, base_url: str) -> tuple[str, dict[str, Any]]:
    """An event's name and data."""
    match event:
        case Status():
            return "status", {"stage": event.stage, "detail": event.detail}
        case Sources():
            return "sources", {"passages": [passage_out(one, base_url).model_dump() for one in event.passages]}
        case Delta():
            return "delta", {"text": event.text}
        case Citation():
            return "citation", citation_out(event, base_url).model_dump()
        case Answered():
            return "done", answer_out(event, base_url).model_dump()
        case Failed():
            fields = {"code": event.code, "detail": event.detail, "fix": event.fix, "retryable": event.retryable}
            return "error", fields


def encode(name: str, data: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode(errors="replace")
