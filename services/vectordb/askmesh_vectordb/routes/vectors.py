"""The data plane of one index: upsert, query, fetch, list, update, delete, stats."""

from typing import Annotated, Any

from askmesh_kit.auth import require
from askmesh_kit.errors import InvalidRequest
from askmesh_kit.json_body import JsonRoute
from fastapi import APIRouter, Depends, Query, Request, Response

from askmesh_vectordb import schemas
from askmesh_vectordb.routes.common import (
    READ_UNITS,
    LimitsDep,
    SettingsDep,
    StoreDep,
    answer,
    from_token,
    numbers,
    to_token,
    wire_name,
)
from askmesh_vectordb.stores.base import Match, Record, Selection
from askmesh_vectordb.stores.base import Query as StoreQuery
from askmesh_vectordb.validation import no_sparse_values

router = APIRouter(prefix="/indexes/{index}", route_class=JsonRoute, tags=["vectors"], responses=schemas.ERRORS)
read, write = (Depends(require(scope)) for scope in ("read", "write"))
_MOST_BY_METADATA = 10_000


@router.post("/vectors/upsert", response_model=schemas.UpsertResponse, dependencies=[write], summary="Upsert vectors")
async def upsert(
    index: str, body: schemas.UpsertRequest, request: Request, store: StoreDep, limits: LimitsDep
) -> dict[str, Any]:
    """Replaces whole records. Answered when all of them are durable and readable, or none is there."""
    limits.upsert_size(len(await request.body()))
    limits.upsert_count(len(body.vectors))
    records = [limits.record(vector, f"vectors[{n}]") for n, vector in enumerate(body.vectors)]
    await store.upsert(index, limits.namespace(body.namespace), records)
    return {"upsertedCount": len(records)}


@router.post("/query", response_model=schemas.QueryResponse, dependencies=[read], summary="Nearest vectors")
async def query(
    index: str, body: schemas.QueryRequest, store: StoreDep, limits: LimitsDep, settings: SettingsDep
) -> Response:
    """By a vector, or by the id of one that is stored. The score is the metric's own, as in Pinecone: for euclidean
    the squared distance, lower is nearer."""
    if body.sparse_vector is not None:
        raise no_sparse_values("sparseVector")
    if (body.vector is None) == (body.id is None):
        raise InvalidRequest("Give exactly one of vector and id.")
    wanted = StoreQuery(
        limits.top_k(body.top_k),
        None if body.vector is None else limits.vector(body.vector, "vector"),
        None if body.id is None else limits.id(body.id, "id"),
        limits.filter(body.filter),
        body.include_values,
        body.include_metadata,
    )
    matches = await store.query(index, limits.namespace(body.namespace), wanted)
    # A negative distance is never positive, so most answers tell by themselves that the metric is another one.
    negative = bool(matches) and matches[0].score <= 0
    sign = -1.0 if negative and (await store.describe_index(index)).metric == "euclidean" else 1.0
    found = [_match(match, sign) for match in matches]
    return answer({"matches": found, "namespace": body.namespace, "usage": READ_UNITS}, settings.max_result_bytes)


@router.get("/vectors/fetch", response_model=schemas.FetchResponse, dependencies=[read], summary="Vectors by id")
async def fetch(
    index: str,
    store: StoreDep,
    limits: LimitsDep,
    settings: SettingsDep,
    ids: Annotated[list[str], Query()],
    namespace: str = "",
) -> Response:
    records = await store.fetch(index, limits.namespace(namespace), limits.ids(ids, "ids"))
    body = {"vectors": {name: _record(record) for name, record in records.items()}}
    return answer({**body, "namespace": namespace, "usage": READ_UNITS}, settings.max_result_bytes)


@router.post(
    "/vectors/fetch_by_metadata",
    response_model=schemas.FetchResponse,
    dependencies=[read],
    summary="Vectors by filter, page by page",
)
async def fetch_by_metadata(
    index: str, body: schemas.FetchByMetadataRequest, store: StoreDep, limits: LimitsDep, settings: SettingsDep
) -> Response:
    page = await store.scan(
        index,
        limits.namespace(body.namespace),
        limit=limits.page(body.limit, _MOST_BY_METADATA),
        cursor=from_token(body.pagination_token),
        filter=limits.filter(body.filter),
    )
    found = {record.id: _record(record) for record in page.items}
    result = {"vectors": found, "namespace": body.namespace, "usage": READ_UNITS} | to_token(page.cursor)
    return answer(result, settings.max_result_bytes)


@router.get("/vectors/list", response_model=schemas.ListResponse, dependencies=[read], summary="Ids, page by page")
async def list_vectors(
    index: str,
    store: StoreDep,
    limits: LimitsDep,
    namespace: str = "",
    prefix: str = "",
    limit: int = 100,
    pagination_token: Annotated[str | None, Query(alias="paginationToken")] = None,
) -> Response:
    page = await store.scan(
        index,
        limits.namespace(namespace),
        limit=limits.page(limit),
        cursor=from_token(pagination_token),
        prefix=prefix,
        include_values=False,
    )
    ids = [{"id": record.id} for record in page.items]
    return answer({"vectors": ids, "namespace": namespace, "usage": READ_UNITS} | to_token(page.cursor))


@router.post("/vectors/update", response_model=schemas.UpdateResponse, dependencies=[write], summary="Update records")
async def update(index: str, body: schemas.UpdateRequest, store: StoreDep, limits: LimitsDep) -> dict[str, Any]:
    """One record by id (values, metadata), or all that satisfy a filter (metadata); metadata is merged."""
    if body.sparse_values is not None:
        raise no_sparse_values("sparseValues")
    if (body.id is None) == (body.filter is None):
        raise InvalidRequest("Give exactly one of id and filter.")
    if body.values is not None and body.id is None:
        raise InvalidRequest("values: can be set by id only.")
    if body.values is None and body.set_metadata is None and not body.dry_run:
        raise InvalidRequest("Give values or setMetadata.")
    values = None if body.values is None else limits.vector(body.values, "values")
    if values is not None and not values.any():
        raise InvalidRequest("values: a dense vector must hold at least one value that is not zero.")
    ids = None if body.id is None else [limits.id(body.id, "id")]
    matched = await store.update(
        index,
        limits.namespace(body.namespace),
        Selection(ids, limits.filter(body.filter)),
        values=values,
        set_metadata=limits.metadata(body.set_metadata or {}, "setMetadata"),
        dry_run=body.dry_run,
    )
    return {"matchedRecords": matched}


@router.post("/vectors/delete", response_model=schemas.Empty, dependencies=[write], summary="Delete records")
async def delete(index: str, body: schemas.DeleteRequest, store: StoreDep, limits: LimitsDep) -> dict[str, Any]:
    """By exactly one of ids, deleteAll and filter. What is not there is not an error."""
    if sum([body.ids is not None, body.delete_all, body.filter is not None]) != 1:
        raise InvalidRequest("Give exactly one of ids, deleteAll and filter.")
    ids = None if body.ids is None else limits.ids(body.ids, "ids")
    selection = Selection(ids, limits.filter(body.filter), body.delete_all)
    await store.delete(index, limits.namespace(body.namespace), selection)
    return {}


@router.post("/describe_index_stats", response_model=schemas.StatsResponse, dependencies=[read], summary="Counts")
async def stats(
    index: str, store: StoreDep, limits: LimitsDep, body: schemas.StatsRequest | None = None
) -> dict[str, Any]:
    info = await store.describe_index(index)
    chosen = limits.filter(body.filter if body else None)
    counts = total = await store.count(index)
    if chosen is not None:
        counts = await store.count(index, chosen)
    return {
        "namespaces": {wire_name(name): {"vectorCount": count} for name, count in counts.items()},
        "dimension": info.dimension,
        "indexFullness": 0.0,
        # Of all vectors, filter or none, as at Pinecone.
        "totalVectorCount": sum(total.values()),
        "metric": info.metric,
        "vectorType": "dense",
    }


@router.get(
    "/describe_index_stats",
    response_model=schemas.StatsResponse,
    dependencies=[read],
    summary="Counts, as older clients ask for them",
)
async def stats_get(index: str, store: StoreDep, limits: LimitsDep) -> dict[str, Any]:
    return await stats(index, store, limits)


def _match(match: Match, sign: float) -> dict[str, Any]:
    found: dict[str, Any] = {"id": match.id, "score": sign * match.score + 0.0, "values": numbers(match.values)}
    return found | ({"metadata": match.metadata} if match.metadata is not None else {})


def _record(record: Record) -> dict[str, Any]:
    found: dict[str, Any] = {"id": record.id, "values": numbers(record.values)}
    return found | ({"metadata": record.metadata} if record.metadata else {})
