"""The namespaces of one index. A path takes any name, slashes included."""

from typing import Annotated, Any

from askmesh_kit.auth import require
from askmesh_kit.errors import InvalidRequest
from askmesh_kit.json_body import JsonRoute
from fastapi import APIRouter, Depends, Query

from askmesh_vectordb import schemas
from askmesh_vectordb.routes.common import LimitsDep, StoreDep, from_token, to_token, wire_name
from askmesh_vectordb.stores.base import NamespaceNotFound
from askmesh_vectordb.validation import DEFAULT_NAMESPACE

router = APIRouter(
    prefix="/indexes/{index}/namespaces", route_class=JsonRoute, tags=["namespaces"], responses=schemas.ERRORS
)
read, write = (Depends(require(scope)) for scope in ("read", "write"))


@router.get(
    "",
    response_model=schemas.NamespaceList,
    response_model_exclude_none=True,
    dependencies=[read],
    summary="Namespaces with their counts, page by page",
)
async def list_namespaces(
    index: str,
    store: StoreDep,
    limits: LimitsDep,
    prefix: str = "",
    limit: int = 100,
    pagination_token: Annotated[str | None, Query(alias="paginationToken")] = None,
) -> dict[str, Any]:
    limit, after = limits.page(limit), from_token(pagination_token)
    counts = {wire_name(name): count for name, count in (await store.count(index)).items()}
    names = sorted(name for name in counts if name.startswith(prefix))
    rest = [name for name in names if after is None or name > after]
    page = [{"name": name, "record_count": counts[name]} for name in rest[:limit]]
    cursor = rest[limit - 1] if len(rest) > limit else None
    return {"namespaces": page, "total_count": len(names)} | to_token(cursor)


@router.post("", response_model=schemas.NamespaceDescription, dependencies=[write], summary="Create a namespace")
async def create_namespace(
    index: str, body: schemas.CreateNamespaceRequest, store: StoreDep, limits: LimitsDep
) -> dict[str, Any]:
    if body.name in ("", DEFAULT_NAMESPACE):
        raise InvalidRequest(f"name: at least one character, and not {DEFAULT_NAMESPACE}, which always exists.")
    await store.create_namespace(index, limits.namespace(body.name))
    return {"name": body.name, "record_count": 0}


@router.get(
    "/{namespace:path}", response_model=schemas.NamespaceDescription, dependencies=[read], summary="Describe one"
)
async def describe_namespace(index: str, namespace: str, store: StoreDep, limits: LimitsDep) -> dict[str, Any]:
    counts = await store.count(index)
    name = limits.namespace(namespace)
    if name and name not in counts:
        raise NamespaceNotFound(f"There is no namespace {namespace[:60]!r}.")
    return {"name": namespace, "record_count": counts.get(name, 0)}


@router.delete(
    "/{namespace:path}", response_model=schemas.Empty, dependencies=[write], summary="Delete one and its records"
)
async def delete_namespace(index: str, namespace: str, store: StoreDep, limits: LimitsDep) -> dict[str, Any]:
    await store.drop_namespace(index, limits.namespace(namespace))
    return {}
