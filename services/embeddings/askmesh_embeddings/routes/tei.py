"""The routes of Hugging Face's Text Embeddings Inference."""

import asyncio
from dataclasses import asdict
from typing import Any

from askmesh_kit.auth import Caller, require
from askmesh_kit.connection import while_connected
from askmesh_kit.errors import InvalidRequest, ServiceError
from askmesh_kit.json_body import JsonRoute
from fastapi import APIRouter, Depends, Request, Response

from askmesh_embeddings import __version__
from askmesh_embeddings.embedder import Embedder
from askmesh_embeddings.encoders.base import InputType
from askmesh_embeddings.routes.wire import caller_name, json_list_response, json_response
from askmesh_embeddings.schemas import TEI_ERRORS, TeiEmbedRequest, TeiInfo, TeiToken, TeiTokenizeRequest

router = APIRouter(tags=["text-embeddings-inference"], route_class=JsonRoute, responses=TEI_ERRORS)

_PROMPTS: dict[str, InputType] = {"query": "query", "document": "document", "passage": "document"}


def tei_error(error: ServiceError) -> dict[str, Any]:
    """TEI's error object, with our code beside it."""
    kinds = {429: "overloaded", 503: "unhealthy"}
    kind = kinds.get(error.status, "validation" if error.status < 500 else "backend")
    return {"error": error.message, "error_type": kind, "code": error.code}


@router.post("/embed", response_model=list[list[float]], summary="Turn texts into vectors")
async def embed(body: TeiEmbedRequest, request: Request, caller: Caller = Depends(require("read"))) -> Response:
    embedder: Embedder = request.state.encoder.service
    return await while_connected(request, _embed(embedder, body, caller_name(caller, request)))


@router.get("/info", summary="The model served and its limits")
async def info(request: Request, caller: Caller = Depends(require("read"))) -> TeiInfo:
    settings, encoder = request.app.state.settings, request.state.encoder.service.info
    return TeiInfo(
        model_id=encoder.model,
        model_sha=settings.revision,
        model_dtype={"fp32": "float32", "bf16": "bfloat16", "int8": "int8"}[encoder.dtype],
        model_type={"embedding": {"pooling": encoder.pooling}},
        max_concurrent_requests=settings.interactive_queue_tokens // encoder.max_input_tokens or 1,
        max_input_length=encoder.max_input_tokens,
        max_batch_tokens=settings.batch_tokens or encoder.batch_tokens,
        max_client_batch_size=settings.max_inputs,
        version=__version__,
        fingerprint=encoder.fingerprint,
    )


@router.post("/tokenize", response_model=list[list[TeiToken]], summary="The tokens a text becomes")
async def tokenize(body: TeiTokenizeRequest, request: Request, caller: Caller = Depends(require("read"))) -> Response:
    embedder: Embedder = request.state.encoder.service
    texts = [body.inputs] if isinstance(body.inputs, str) else body.inputs
    pieces = await embedder.pieces(
        texts, input_type=_input_type(body.prompt_name), special_tokens=body.add_special_tokens
    )
    return await asyncio.to_thread(lambda: json_response([[asdict(piece) for piece in text] for text in pieces]))


def _input_type(prompt_name: str | None) -> InputType | None:
    if prompt_name is None:
        return None
    if prompt_name not in _PROMPTS:
        raise InvalidRequest(f"There is no prompt {prompt_name!r}.", fix=f"Use one of {', '.join(_PROMPTS)}.")
    return _PROMPTS[prompt_name]


async def _embed(embedder: Embedder, body: TeiEmbedRequest, caller: str) -> Response:
    if not body.normalize:
        raise InvalidRequest("The vectors are always of unit length.", fix="Leave `normalize` out.", param="normalize")
    texts = [body.inputs] if isinstance(body.inputs, str) else body.inputs
    done = await embedder.embed(
        texts,
        input_type=_input_type(body.prompt_name),
        truncate=body.truncate,
        dimensions=body.dimensions,
        caller=caller,
    )
    return await json_list_response(row.tolist() for row in done.vectors)
