"""Qdrant's REST API, as far as the store speaks it, over Qdrant's own engine (qdrant-edge-py): there is no package of the
server. The filters, the search, the facets and the storage are Qdrant's; what is here turns JSON into its calls."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import qdrant_edge as edge
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from qdrant_client import models

from ..conftest import serving_app

Body = dict[str, Any]
_DISTANCES = {"Cosine": edge.Distance.Cosine, "Dot": edge.Distance.Dot, "Euclid": edge.Distance.Euclid}


class Refused(Exception):
    def __init__(self, status: int, error: str) -> None:
        self.status, self.error = status, error


class Collection:
    def __init__(self, folder: Path, body: Body) -> None:
        self.vectors, self.metadata = body["vectors"], dict(body.get("metadata") or {})
        folder.mkdir(parents=True)
        size, distance = self.vectors["size"], _DISTANCES[self.vectors["distance"]]
        self.shard = edge.EdgeShard.create(str(folder), edge.EdgeConfig(edge.EdgeVectorParams(size, distance)))

    def update(self, operation: Any) -> Body:
        self.shard.update(operation)
        return {"operation_id": 0, "status": "completed"}

    def info(self, strict: Body) -> Body:
        hnsw = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000}
        optimizers = {"default_segment_number": 2, "flush_interval_sec": 5, "vacuum_min_vector_number": 1000}
        config = {"params": {"vectors": self.vectors}, "hnsw_config": hnsw, "optimizer_config": optimizers}
        info = {"status": "green", "optimizer_status": "ok", "segments_count": 1, "payload_schema": {}}
        return info | {"config": config | {"metadata": self.metadata, "strict_mode_config": strict}}


class QdrantApp:
    """`key` is what clients must send, where there is one; `faults` are answered instead of the next requests; `strict`
    is Qdrant Cloud's mode, which refuses filters on fields without an index."""

    def __init__(self, folder: Path) -> None:
        self.key = ""
        self.strict = False
        self.faults: list[tuple[int, str]] = []
        self.paths: list[str] = []
        self._folder = folder
        self._made = 0
        self._collections: dict[str, Collection] = {}
        self.app = FastAPI()
        self.app.add_api_route("/{path:path}", self._answer, methods=["GET", "PUT", "PATCH", "POST", "DELETE"])

    async def _answer(self, path: str, request: Request) -> JSONResponse:
        self.paths.append(f"{request.method} /{path}")
        body = json.loads(await request.body() or b"{}")
        try:
            if self.key and request.headers.get("api-key") != self.key:
                raise Refused(401, "Must provide an API key or an Authorization bearer token")
            if self.faults:
                raise Refused(*self.faults.pop(0))
            result = self._result(request.method, path.split("/")[1:], body)
        except Refused as refused:
            return JSONResponse({"status": {"error": refused.error}, "time": 0}, refused.status)
        return JSONResponse({"result": result, "status": "ok", "time": 0})

    def _result(self, method: str, path: list[str], body: Body) -> Any:
        if not path:
            return {"collections": [{"name": name} for name in self._collections]}
        name, *rest = path
        if (method, rest) == ("PUT", []):
            return self._create(name, body)
        if name not in self._collections:
            if method == "DELETE":
                return False
            raise Refused(404, f"Not found: Collection `{name}` doesn't exist!")
        collection = self._collections[name]
        if self.strict and "numbers" in json.dumps(body.get("filter")):
            raise Refused(400, "Bad request: Index required but not found for one of the following types: [float]")
        match method, "/".join(rest):
            case "DELETE", "":
                collection.shard.close()
                del self._collections[name]
                return True
            case "PATCH", "":
                collection.metadata |= body["metadata"]
                return True
            case "GET", "":
                strict = {"enabled": self.strict, "unindexed_filtering_retrieve": not self.strict}
                return collection.info(strict)
            case "PUT", "index":
                return collection.update(_field_index(body))
            case "PUT", "points":
                return collection.update(edge.UpdateOperation.upsert_points([_point(item) for item in body["points"]]))
            case "POST", "points/delete":
                return collection.update(_deletion(body))
            case "POST", "points":
                records = collection.shard.retrieve(body["ids"], _payload(body), False)
                return [{"id": str(record.id), "payload": record.payload} for record in records]
            case "POST", "points/scroll":
                return _scroll(collection, body)
            case "POST", "points/query":
                return _query(collection, body)
            case "POST", "facet":
                return _facet(collection, body)
        raise Refused(404, f"no route {method} {rest}")

    def _create(self, name: str, body: Body) -> bool:
        if name in self._collections:
            raise Refused(409, f"Wrong input: Collection `{name}` already exists!")
        self._made += 1
        self._collections[name] = Collection(self._folder / str(self._made), body)
        return True


def _field_index(body: Body) -> Any:
    assert body["field_schema"] in ("keyword", {"type": "keyword", "is_tenant": True})
    return edge.UpdateOperation.create_field_index(body["field_name"], edge.PayloadSchemaType.Keyword)


def _point(item: Body) -> Any:
    return edge.Point(item["id"], item["vector"], item["payload"])


def _deletion(body: Body) -> Any:
    if "points" in body:
        return edge.UpdateOperation.delete_points(body["points"])
    return edge.UpdateOperation.delete_points_by_filter(_filter(body["filter"]))


def _scroll(collection: Collection, body: Body) -> Body:
    request = edge.ScrollRequest(body.get("offset"), body["limit"], _filter(body.get("filter")), _payload(body))
    records, following = collection.shard.scroll(request)
    return {
        "points": [{"id": str(record.id), "payload": record.payload} for record in records],
        "next_page_offset": following and str(following),
    }


def _query(collection: Collection, body: Body) -> Body:
    vector = body["query"]["nearest"]
    if len(vector) != collection.vectors["size"]:
        raise Refused(400, "Wrong input: Vector dimension error")
    request = edge.QueryRequest(
        body["limit"],
        query=edge.Query.Nearest(vector),
        with_payload=_payload(body),
        filter=_filter(body.get("filter")),
    )
    found = collection.shard.query(request)
    return {
        "points": [
            {"id": str(point.id), "version": point.version, "score": point.score, "payload": point.payload}
            for point in found
        ]
    }


def _facet(collection: Collection, body: Body) -> Body:
    request = edge.FacetRequest(body["key"], body["limit"], body["exact"], _filter(body.get("filter")))
    return {"hits": [{"value": hit.value, "count": hit.count} for hit in collection.shard.facet(request).hits]}


def _payload(body: Body) -> Any:
    wanted = body.get("with_payload", False)
    return wanted if isinstance(wanted, bool) else edge.PayloadSelector.Include(wanted)


def _filter(raw: Body | None) -> Any:
    if raw is None:
        return None
    parts = {name: [_condition(part) for part in raw[name]] for name in ("must", "should", "must_not") if raw.get(name)}
    return edge.Filter(**parts)


def _condition(raw: Body) -> Any:
    if "key" not in raw:
        return _filter(raw)
    # Read back through the client's own model, which refuses what is none of Qdrant's.
    models.FieldCondition.model_validate(raw)
    if given := raw.get("range"):
        return edge.FieldCondition(raw["key"], range=edge.RangeFloat(**given))
    given = raw["match"]
    match = edge.MatchAny(given["any"]) if "any" in given else edge.MatchValue(given["value"])
    return edge.FieldCondition(raw["key"], match=match)


@contextmanager
def running(folder: Path) -> Iterator[tuple[str, QdrantApp]]:
    server = QdrantApp(folder)
    with serving_app(server.app) as url:
        yield url, server
