"""Reranking. This service has no cross-encoder configured, and says so rather than score with something else."""

from typing import Never

from askmesh_kit.auth import Caller, require
from askmesh_kit.errors import Unsupported
from askmesh_kit.json_body import JsonRoute
from fastapi import APIRouter, Depends

from askmesh_embeddings.schemas import OPENAI_ERRORS, TEI_ERRORS, OpenAIError, RerankRequest, TeiError, TeiRerankRequest

router = APIRouter(tags=["rerank"], route_class=JsonRoute)


@router.post(
    "/v1/rerank",
    status_code=501,
    response_model=OpenAIError,
    responses=OPENAI_ERRORS,
    summary="Order documents by relevance to a query",
)
async def rerank(body: RerankRequest, caller: Caller = Depends(require("read"))) -> Never:
    _refuse()


@router.post(
    "/rerank",
    status_code=501,
    response_model=TeiError,
    responses=TEI_ERRORS,
    summary="Order texts by relevance to a query",
)
async def tei_rerank(body: TeiRerankRequest, caller: Caller = Depends(require("read"))) -> Never:
    _refuse()


def _refuse() -> Never:
    raise Unsupported(
        "No reranker is configured on this service.",
        fix="Rank by the vectors' similarity, or send rerank requests to a service that has a cross-encoder.",
        code="no_reranker",
    )
