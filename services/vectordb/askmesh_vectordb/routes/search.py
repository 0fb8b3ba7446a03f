"""askmesh's extensions to an index: hybrid search, and what its store promises."""

from dataclasses import asdict
from typing import Any

from askmesh_kit.auth import require
from askmesh_kit.errors import InvalidRequest
from askmesh_kit.json_body import JsonRoute
from fastapi import APIRouter, Depends, Response

from askmesh_vectordb import schemas
from askmesh_vectordb.routes.common import LimitsDep, SettingsDep, StoreDep, answer, numbers
from askmesh_vectordb.searching import Found, Search, hybrid_search

router = APIRouter(prefix="/indexes/{index}", route_class=JsonRoute, tags=["search"], responses=schemas.ERRORS)
read = Depends(require("read"))


@router.post("/search", response_model=schemas.SearchResponse, dependencies=[read], summary="Search by text and vector")
async def search(
    index: str, body: schemas.SearchRequest, store: StoreDep, limits: LimitsDep, settings: SettingsDep
) -> Response:
    """Ranks by vector and by BM25 over the metadata fields `header` and `text`, fused by reciprocal rank (k = 60)."""
    if body.text is None and body.vector is None:
        raise InvalidRequest("Give text, vector, or both.")
    wanted = Search(
        limits.top_k(body.top_k),
        None if body.text is None else limits.text(body.text),
        None if body.vector is None else limits.vector(body.vector, "vector"),
        limits.filter(body.filter),
        body.include_values,
    )
    namespace = limits.namespace(body.namespace)
    found = await hybrid_search(store, index, namespace, wanted, depth=settings.search_depth)
    matches = [_match(item, body) for item in found]
    return answer({"matches": matches, "namespace": body.namespace}, settings.max_result_bytes)


@router.get(
    "/capabilities", response_model=schemas.CapabilitiesResponse, dependencies=[read], summary="What the store promises"
)
async def capabilities(index: str, store: StoreDep, settings: SettingsDep) -> dict[str, Any]:
    await store.describe_index(index)
    limits = settings.model_dump(include={name for name in type(settings).model_fields if name.startswith("max_")})
    return asdict(store.capabilities) | {"limits": limits}


def _match(found: Found, body: schemas.SearchRequest) -> dict[str, Any]:
    match: dict[str, Any] = {
        "id": found.id,
        "score": found.score,
        "ranks": {"dense": found.dense_rank, "lexical": found.lexical_rank},
        "scores": {"dense": found.cosine, "lexical": found.bm25},
    }
    if body.include_metadata:
        match["metadata"] = found.metadata
    if body.include_values:
        match["values"] = numbers(found.values)
    return match
