"""`/v1/chat/completions` and `/v1/models`: askmesh for every client that speaks OpenAI's API."""

from dataclasses import dataclass
from typing import Annotated, Any

from askmesh_kit.auth import Caller, require
from askmesh_kit.connection import while_connected
from askmesh_kit.errors import ErrorRenderer, NotFound, openai_error
from askmesh_kit.json_body import JsonRoute
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from askmesh_bot.routes.ask import PUBLIC
from askmesh_bot.routes.openai_completion import Completion
from askmesh_bot.routes.openai_messages import conversation, refuse_unsupported
from askmesh_bot.routes.openai_schemas import ChatCompletion, ChatCompletionRequest, Model, ModelList
from askmesh_bot.routes.streaming import HEADERS, first_then_rest, kept_open
from askmesh_bot.settings import Settings

router = APIRouter(route_class=JsonRoute, tags=["openai"])

ERROR_DIALECTS: dict[str, ErrorRenderer] = {"/v1/chat/completions": openai_error, "/v1/models": openai_error}

Reader = Annotated[Caller, Depends(require("read"))]

# The default collection under a name that says what answers; a collection of this name goes before.
ALIAS = "askmesh"
_MOST_NAMED = 20

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer; with `stream`, its chunks, then `[DONE]`.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


@dataclass(frozen=True)
class _Served:
    """A collection under the name of a model."""

    collection: str
    model: Model


@router.get("/v1/models", summary="The collections, as OpenAI's API lists models")
async def list_models(request: Request, _: Reader) -> ModelList:
    """The default collection first, then the others by name; last the alias `askmesh` of the default one."""
    return ModelList(data=[served.model for served in (await _all_served(request)).values()])


@router.get("/v1/models/{model_id:path}", summary="One collection, as OpenAI's API shows a model")
async def get_model(request: Request, model_id: str, _: Reader) -> Model:
    """Raises NotFound where there is no such collection."""
    return (await _served(request, model_id)).model


@router.post("/v1/chat/completions", summary="Ask as of OpenAI's API", response_model=ChatCompletion, responses=_STREAM)
async def chat_completions(request: Request, asked: ChatCompletionRequest, _: Reader) -> Response:
    """Answers the last user message from what was learned. Earlier turns explain it; nothing is kept of either."""
    refuse_unsupported(asked)
    question, history = conversation(asked.messages)
    settings: Settings = request.state.settings
    served = await _served(request, asked.model or settings.collection)
    events = request.state.conversations.ask_once(
        question, history=history, collection=served.collection, audience=PUBLIC
    )
    completion = Completion(served.model.id, settings.base_url)
    if not asked.stream:
        whole = await while_connected(request, completion.whole(events))
        return JSONResponse(whole.model_dump(), headers={"Cache-Control": "no-store"})
    with_usage = bool(asked.stream_options and asked.stream_options.include_usage)
    _first, chunks = await first_then_rest(completion.stream(events, with_usage=with_usage))
    return StreamingResponse(kept_open(chunks), media_type="text/event-stream", headers=HEADERS)


async def _served(request: Request, name: str) -> _Served:
    every = await _all_served(request)
    if name not in every:
        fix = f"Send one of those that `/v1/models` lists: {', '.join(list(every)[:_MOST_NAMED])}."
        raise NotFound(f"There is no collection {name[:80]!r}.", fix=fix, code="model_not_found", param="model")
    return every[name]


async def _all_served(request: Request) -> dict[str, _Served]:
    default: str = request.state.settings.collection
    learned = {row.name: int(row.created_at.timestamp()) for row in await request.state.collections.list()}
    names = {default: default} | {name: name for name in learned}
    names.setdefault(ALIAS, default)
    return {
        name: _Served(collection, Model(id=name, created=learned.get(collection, 0)))
        for name, collection in names.items()
    }
