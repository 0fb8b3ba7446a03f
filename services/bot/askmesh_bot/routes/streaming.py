"""Server-sent events of one answer."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, TypeVar

from askmesh_bot.answering.base import Citation, Delta, Failed, Sources, Status
from askmesh_bot.conversations.service import Answered, ConversationEvent
from askmesh_bot.schemas import answer_out, citation_out, passage_out

T = TypeVar("T")

# Proxies close a stream that is silent for long; a comment keeps it open and means nothing to clients.
_KEEP_ALIVE_S = 15.0
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def first_then_rest(items: AsyncGenerator[T, None]) -> tuple[T, AsyncGenerator[T, None]]:
    """The first item, and all of them: what goes wrong before the first can still be answered with a status."""
    first = await anext(items)

    async def everything() -> AsyncGenerator[T, None]:
        try:
            yield first
            async for item in items:
                yield item
        finally:
            await items.aclose()

    return first, everything()


def server_sent(events: AsyncGenerator[ConversationEvent, None], base_url: str) -> AsyncGenerator[bytes, None]:
    """Each event as bytes."""

    async def encoded() -> AsyncGenerator[bytes, None]:
        async with aclosing(events):
            async for event in events:
                yield encode(*wire(event, base_url))

    return kept_open(encoded())


async def kept_open(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The pieces of a stream, and comments where there are none for long. A reader who goes away cancels this, and with
    it the answer."""
    upcoming = asyncio.ensure_future(anext(pieces, None))
    try:
        while True:
            done, _ = await asyncio.wait({upcoming}, timeout=_KEEP_ALIVE_S)
            if not done:
                yield b": still here\n\n"
                continue
            piece = upcoming.result()
            if piece is None:
                return
            yield piece
            upcoming = asyncio.ensure_future(anext(pieces, None))
    finally:
        upcoming.cancel()
        await asyncio.gather(upcoming, return_exceptions=True)
        await pieces.aclose()


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
