"""The control plane: create, list, describe, configure and delete indexes."""

from typing import Any

from askmesh_kit.auth import require
from askmesh_kit.json_body import JsonRoute
from fastapi import APIRouter, Depends, Request, Response

from askmesh_vectordb import schemas
from askmesh_vectordb.routes.common import LimitsDep, SettingsDep, StoreDep
from askmesh_vectordb.stores.base import AlreadyExists, IndexInfo

router = APIRouter(route_class=JsonRoute, tags=["indexes"], responses=schemas.ERRORS)
read, write, admin = (Depends(require(scope)) for scope in ("read", "write", "admin"))

_READ_CAPACITY = {"mode": "OnDemand", "status": {"state": "Ready"}}


@router.get(
    "/indexes",
    response_model=schemas.IndexList,
    response_model_exclude_none=True,
    dependencies=[read],
    summary="List the indexes",
)
async def list_indexes(request: Request, store: StoreDep, settings: SettingsDep) -> dict[str, Any]:
    return {"indexes": [_describe(info, request, settings.public_url) for info in await store.list_indexes()]}


@router.post(
    "/indexes",
    response_model=schemas.Index,
    response_model_exclude_none=True,
    status_code=201,
    dependencies=[write],
    summary="Create an index",
)
async def create_index(
    body: schemas.CreateIndexRequest, request: Request, store: StoreDep, limits: LimitsDep, settings: SettingsDep
) -> dict[str, Any]:
    """An index that exists is a 409: `index_mismatch` where it differs, else `already_exists`."""
    info = limits.index(body)
    if not await store.ensure_index(info):
        raise AlreadyExists(f"The index {info.name!r} exists already, with the same dimension and metric.")
    return _describe(info, request, settings.public_url)


@router.get(
    "/indexes/{index}",
    response_model=schemas.Index,
    response_model_exclude_none=True,
    dependencies=[read],
    summary="Describe an index",
)
async def describe_index(index: str, request: Request, store: StoreDep, settings: SettingsDep) -> dict[str, Any]:
    return _describe(await store.describe_index(index), request, settings.public_url)


@router.patch(
    "/indexes/{index}",
    response_model=schemas.Index,
    response_model_exclude_none=True,
    status_code=202,
    dependencies=[write],
    summary="Change tags, protection",
)
async def configure_index(
    index: str,
    body: schemas.ConfigureIndexRequest,
    request: Request,
    store: StoreDep,
    limits: LimitsDep,
    settings: SettingsDep,
) -> dict[str, Any]:
    """Tags are merged; an empty value removes one."""
    protect = None if body.deletion_protection is None else body.deletion_protection == "enabled"
    info = await store.configure_index(index, tags=limits.tags(body.tags), deletion_protection=protect)
    return _describe(info, request, settings.public_url)


@router.delete(
    "/indexes/{index}",
    status_code=202,
    response_class=Response,
    dependencies=[admin],
    summary="Delete an index and all it holds",
)
async def delete_index(index: str, store: StoreDep) -> Response:
    await store.drop_index(index)
    return Response(status_code=202)


def _describe(info: IndexInfo, request: Request, public_url: str) -> dict[str, Any]:
    base = public_url or str(request.base_url)
    dense = {"type": "dense_vector", "dimension": info.dimension, "metric": info.metric}
    return {
        "name": info.name,
        "host": f"{base.rstrip('/')}/indexes/{info.name}",
        "dimension": info.dimension,
        "metric": info.metric,
        "status": {"ready": True, "state": "Ready"},
        "schema": {"fields": {"_values": dense}},
        "deployment": {"deployment_type": "managed", "cloud": "askmesh", "region": "local"},
        "spec": {"serverless": {"cloud": "askmesh", "region": "local", "read_capacity": _READ_CAPACITY}},
        "deletion_protection": "enabled" if info.deletion_protection else "disabled",
        "tags": dict(info.tags) or None,
    }
