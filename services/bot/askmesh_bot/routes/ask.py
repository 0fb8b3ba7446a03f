"""`POST /v1/ask`: a question, answered as JSON or as server-sent events."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

from askmesh_kit.auth import Caller, require
from askmesh_kit.connection import while_connected
from askmesh_kit.json_body import JsonRoute
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from askmesh_bot.answering.base import Failed
from askmesh_bot.conversations.service import Answered, ConversationEvent
from askmesh_bot.routes.failures import as_error
from askmesh_bot.routes.streaming import HEADERS, first_then_rest, server_sent
from askmesh_bot.schemas import AnswerOut, AskRequest, answer_out

router = APIRouter(route_class=JsonRoute, tags=["answering"])

PUBLIC = frozenset({"public"})

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer; with `stream`, the events status, sources, delta, citation, then done or error.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


@router.post("/v1/ask", summary="Ask a question", response_model=AnswerOut, responses=_STREAM)
async def ask(request: Request, asked: AskRequest, caller: Annotated[Caller, Depends(require("read"))]) -> Response:
    """Answers from what was learned, citing the exact places, or says that the sources do not hold an answer."""
    base_url: str = request.state.settings.base_url
    events = request.state.conversations.ask(
        asked.question,
        conversation_id=asked.conversation_id,
        collection=asked.collection,
        audience=PUBLIC,
        sources=tuple(asked.sources),
        asker=caller.name,
        keep=asked.keep,
        rerank=asked.rerank,
    )
    _, events = await first_then_rest(events)
    if asked.stream or "text/event-stream" in request.headers.get("accept", ""):
        return StreamingResponse(server_sent(events, base_url), media_type="text/event-stream", headers=HEADERS)
    return await while_connected(request, _whole(events, base_url))


async def _whole(events: AsyncGenerator[ConversationEvent, None], base_url: str) -> JSONResponse:
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Answered):
                return JSONResponse(answer_out(event, base_url).model_dump(), headers={"Cache-Control": "no-store"})
            if isinstance(event, Failed):
                raise as_error(event)
    raise AssertionError("an answer ends with Answered or Failed")
