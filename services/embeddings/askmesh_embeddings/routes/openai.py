"""OpenAI's embeddings API."""

from askmesh_kit.auth import Caller, require
from askmesh_kit.connection import while_connected
from askmesh_kit.errors import NotFound
from askmesh_kit.json_body import JsonRoute
from fastapi import APIRouter, Depends, Request, Response

from askmesh_embeddings.embedder import Embedder
from askmesh_embeddings.encoders.base import EncoderInfo
from askmesh_embeddings.routes.wire import caller_name, json_list_response
from askmesh_embeddings.schemas import (
    OPENAI_ERRORS,
    EmbeddingRequest,
    EmbeddingResponse,
    ModelEntry,
    ModelList,
    to_base64,
)

router = APIRouter(prefix="/v1", tags=["openai"], route_class=JsonRoute, responses=OPENAI_ERRORS)


@router.post("/embeddings", response_model=EmbeddingResponse, summary="Turn texts into vectors")
async def embeddings(body: EmbeddingRequest, request: Request, caller: Caller = Depends(require("read"))) -> Response:
    embedder: Embedder = request.state.encoder.service
    if body.model:
        _check_model(body.model, embedder.info, request)
    return await while_connected(request, _embed(embedder, body, caller_name(caller, request)))


@router.get("/models", summary="The model served, with its dimension, limit and fingerprint")
async def models(request: Request, caller: Caller = Depends(require("read"))) -> ModelList:
    return ModelList(data=[_entry(request)])


@router.get("/models/{model:path}", summary="One model")
async def model(model: str, request: Request, caller: Caller = Depends(require("read"))) -> ModelEntry:
    entry = _entry(request)
    _check_model(model, request.state.encoder.service.info, request)
    return entry


async def _embed(embedder: Embedder, body: EmbeddingRequest, caller: str) -> Response:
    texts = [body.input] if isinstance(body.input, str) else body.input
    done = await embedder.embed(
        texts, input_type=body.input_type, truncate=body.truncate, dimensions=body.dimensions, caller=caller
    )
    rows = to_base64(done.vectors) if body.encoding_format == "base64" else (row.tolist() for row in done.vectors)
    return await json_list_response(
        ({"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(rows)),
        field="data",
        object="list",
        model=embedder.info.model,
        usage={"prompt_tokens": done.tokens, "total_tokens": done.tokens},
    )


def _check_model(name: str, info: EncoderInfo, request: Request) -> None:
    settings = request.app.state.settings
    # Clients often know a model by the last part of its id, or by what the settings of this service say.
    known = {info.model, info.model.rpartition("/")[2], settings.encoder, settings.model, *settings.aliases}
    if name not in known:
        raise NotFound(
            f"The model {name!r} is not served here.",
            fix=f"Use {info.model!r}, or leave `model` out.",
            code="model_not_found",
            param="model",
        )


def _entry(request: Request) -> ModelEntry:
    info: EncoderInfo = request.state.encoder.service.info
    return ModelEntry(
        id=info.model,
        created=request.state.started,
        owned_by=info.model.rpartition("/")[0] or "local",
        dimension=info.dimension,
        dimensions=list(info.dimensions),
        max_input_tokens=info.max_input_tokens,
        fingerprint=info.fingerprint,
        dtype=info.dtype,
        runtime=info.runtime,
    )
