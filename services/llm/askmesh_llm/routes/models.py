"""`/v1/models`, and vLLM's `/tokenize` and `/detokenize`."""

from typing import Any

from askmesh_kit.errors import InvalidRequest
from askmesh_kit.json_body import JsonRoute
from fastapi import APIRouter

from askmesh_llm.engines.base import Engine, Prompt
from askmesh_llm.routes.state import Reader, TheEngine, TheSettings, check_model, served_names
from askmesh_llm.schemas import (
    ERRORS,
    DetokenizeRequest,
    DetokenizeResponse,
    ModelCard,
    ModelList,
    TokenizeRequest,
    TokenizeResponse,
)
from askmesh_llm.serving import requests
from askmesh_llm.settings import Settings

router = APIRouter(tags=["models"], route_class=JsonRoute, responses=ERRORS)


def _cards(engine: Engine, settings: Settings) -> list[ModelCard]:
    info = engine.info
    shared: dict[str, Any] = {
        "created": info.created,
        "owned_by": info.owned_by,
        "engine": settings.engine,
    }
    return [
        ModelCard(id=name, max_model_len=info.others.get(name, info.max_model_len), **shared)
        for name in served_names(engine, settings)
    ]


@router.get("/v1/models", summary="The models served here, with their context length")
async def list_models(engine: TheEngine, settings: TheSettings, _: Reader) -> ModelList:
    return ModelList(data=_cards(engine, settings))


# A model's name may hold slashes, as in microsoft/Phi-3-mini-4k-instruct.
@router.get("/v1/models/{name:path}", summary="One model")
async def get_model(name: str, engine: TheEngine, settings: TheSettings, _: Reader) -> ModelCard:
    served = check_model(name, engine, settings)
    return next(card for card in _cards(engine, settings) if card.id == served)


@router.post("/tokenize", summary="Count the tokens of a text or a conversation")
async def tokenize(body: TokenizeRequest, engine: TheEngine, settings: TheSettings, _: Reader) -> TokenizeResponse:
    if body.model:
        check_model(body.model, engine, settings)
    if (body.prompt is None) == (body.messages is None):
        raise InvalidRequest("Give either prompt or messages.", param="prompt")
    prompt: Prompt = body.prompt or ""
    if body.messages is not None:
        prompt = requests.conversation(body.messages, settings.max_messages)
    requests.check_size(prompt, settings.max_tokenize_chars)
    others = engine.info.others
    model = body.model if body.model and body.model in others else ""
    counted = await engine.count_tokens(prompt, model)
    length = others[model] if model else engine.info.max_model_len
    return TokenizeResponse(count=counted.count, max_model_len=length, tokens=list(counted.ids))


@router.post("/detokenize", summary="The text behind token ids")
async def detokenize(
    body: DetokenizeRequest, engine: TheEngine, settings: TheSettings, _: Reader
) -> DetokenizeResponse:
    if body.model:
        check_model(body.model, engine, settings)
    return DetokenizeResponse(prompt=await engine.detokenize(body.tokens))
