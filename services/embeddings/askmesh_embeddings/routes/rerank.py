"""Reranking, in Cohere's and Jina's shape and in TEI's. Without a reranker it says so rather than score otherwise."""

from collections.abc import Sequence
from typing import Any

from askmesh_kit.auth import Caller, require
from askmesh_kit.connection import while_connected
from askmesh_kit.errors import NotFound, Unsupported
from askmesh_kit.json_body import JsonRoute
from fastapi import APIRouter, Depends, Request, Response

from askmesh_embeddings.ranker import Ranker
from askmesh_embeddings.rerankers.base import Scores
from askmesh_embeddings.routes.wire import caller_name, json_response
from askmesh_embeddings.schemas import (
    OPENAI_ERRORS,
    TEI_ERRORS,
    RerankRequest,
    RerankResponse,
    TeiRank,
    TeiRerankRequest,
)

router = APIRouter(tags=["rerank"], route_class=JsonRoute)


@router.post(
    "/v1/rerank",
    response_model=RerankResponse,
    responses=OPENAI_ERRORS,
    summary="Order documents by relevance to a query",
)
async def rerank(body: RerankRequest, request: Request, caller: Caller = Depends(require("read"))) -> Response:
    ranker = _ranker(request)
    if body.model:
        _check_model(body.model, ranker, request)
    return await while_connected(request, _rerank(ranker, body, caller_name(caller, request)))


@router.post(
    "/rerank",
    response_model=list[TeiRank],
    responses=TEI_ERRORS,
    summary="Order texts by relevance to a query",
)
async def tei_rerank(body: TeiRerankRequest, request: Request, caller: Caller = Depends(require("read"))) -> Response:
    return await while_connected(request, _tei_rerank(_ranker(request), body, caller_name(caller, request)))


async def _rerank(ranker: Ranker, body: RerankRequest, caller: str) -> Response:
    texts = [each if isinstance(each, str) else each.text for each in body.documents]
    ranked = await ranker.rank(body.query, texts, truncate=body.truncate, caller=caller)
    results: list[dict[str, Any]] = [
        {"index": index, "relevance_score": score} for index, score in _best_first(ranked.scores)[: body.top_n]
    ]
    if body.return_documents:
        for result in results:
            result["document"] = {"text": texts[result["index"]]}
    return json_response({"model": ranker.info.model, "results": results, "usage": {"total_tokens": ranked.tokens}})


async def _tei_rerank(ranker: Ranker, body: TeiRerankRequest, caller: str) -> Response:
    ranked = await ranker.rank(body.query, body.texts, truncate=body.truncate, caller=caller)
    best_first = _best_first(ranked.logits if body.raw_scores else ranked.scores)
    ranks: list[dict[str, Any]] = [{"index": index, "score": score} for index, score in best_first]
    if body.return_text:
        for rank in ranks:
            rank["text"] = body.texts[rank["index"]]
    return json_response(ranks)


def _best_first(scores: Scores) -> Sequence[tuple[int, float]]:
    """(index, score), ties in the order given."""
    return sorted(enumerate(scores.tolist()), key=lambda item: -item[1])


def _ranker(request: Request) -> Ranker:
    host = request.state.reranker
    if host is None:
        raise Unsupported(
            "No reranker is configured on this service.",
            fix="Set ASKMESH_EMBEDDINGS_RERANKER=cross-encoder, or rank by the vectors' similarity.",
            code="no_reranker",
        )
    ranker: Ranker = host.service
    return ranker


def _check_model(name: str, ranker: Ranker, request: Request) -> None:
    model = ranker.info.model
    settings = request.app.state.settings
    if name not in {model, model.rpartition("/")[2], settings.reranker, settings.reranker_model}:
        raise NotFound(
            f"The reranker {name!r} is not served here.",
            fix=f"Use {model!r}, or leave `model` out.",
            code="model_not_found",
            param="model",
        )
