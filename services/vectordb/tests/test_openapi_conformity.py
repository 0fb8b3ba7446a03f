"""What goes over the wire is what Pinecone's published OpenAPI says (2026-04), and what our own document says.

Pinecone's document is not copied here. Its promises are written down as far as they concern us, and the document itself
is taken where a copy of github.com/pinecone-io/pinecone-api is at hand: ASKMESH_TEST_PINECONE_OPENAPI names the folder.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import jsonschema
import pytest
import schemathesis
import yaml
from askmesh_vectordb.settings import Settings
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from .conftest import serving

LONG = bool(os.environ.get("ASKMESH_LONG_TESTS"))
VERSION = "2026-04"
VECTORS = [{"id": f"r{n}", "values": [1, n, 2], "metadata": {"n": n, "tags": ["a"]}} for n in range(5)]
SPEC = {"serverless": {"cloud": "aws", "region": "us-east-1"}}
ERROR = {"code": int, "message": str, "details": list}
CONTROL_ERROR = {"status": int, "error": dict}
INDEX = {"name": str, "metric": str, "status": dict, "spec": dict, "host": str, "vector_type": str, "dimension": int}
READ = {"namespace": str, "usage": dict}


@dataclass(frozen=True)
class Exchange:
    """A request that was made: what its answer must be, and where Pinecone describes it."""

    method: str
    path: str
    body: Any
    status: int
    members: dict[str, type]
    described: str = ""


EXCHANGES = [
    Exchange("POST", "/indexes", {"name": "docs", "dimension": 3, "metric": "cosine", "spec": SPEC}, 201, INDEX),
    Exchange("POST", "/indexes", {"name": "docs", "dimension": 3, "spec": SPEC}, 409, CONTROL_ERROR),
    Exchange("POST", "/indexes", {"name": "-", "dimension": 3, "spec": SPEC}, 400, CONTROL_ERROR),
    Exchange("GET", "/indexes", None, 200, {"indexes": list}),
    Exchange("GET", "/indexes/docs", None, 200, INDEX, "/indexes/{index_name}"),
    Exchange("GET", "/indexes/nope", None, 404, CONTROL_ERROR, "/indexes/{index_name}"),
    Exchange(
        "PATCH", "/indexes/docs", {"tags": {"team": "search"}}, 202, INDEX | {"tags": dict}, "/indexes/{index_name}"
    ),
    Exchange("PATCH", "/indexes/docs", {"deletion_protection": "enabled"}, 202, INDEX, "/indexes/{index_name}"),
    Exchange("DELETE", "/indexes/docs", None, 403, CONTROL_ERROR, "/indexes/{index_name}"),
    Exchange("PATCH", "/indexes/docs", {"deletion_protection": "disabled"}, 202, INDEX, "/indexes/{index_name}"),
    Exchange("POST", "/vectors/upsert", {"vectors": VECTORS}, 200, {"upsertedCount": int}),
    Exchange("POST", "/vectors/upsert", {"vectors": VECTORS[:2], "namespace": "ns"}, 200, {"upsertedCount": int}),
    Exchange("POST", "/vectors/upsert", {"vectors": [{"id": "a", "values": [1]}]}, 400, ERROR),
    Exchange("POST", "/query", {"topK": 3, "vector": [1, 2, 3]}, 200, READ | {"matches": list}),
    Exchange(
        "POST",
        "/query",
        {"topK": 3, "id": "r1", "includeValues": True, "includeMetadata": True, "filter": {"n": {"$gt": 0}}},
        200,
        READ | {"matches": list},
    ),
    Exchange("POST", "/query", {"vector": [1, 2, 3]}, 400, ERROR),
    Exchange("GET", "/vectors/fetch?ids=r1&ids=r2", None, 200, READ | {"vectors": dict}, "/vectors/fetch"),
    Exchange("GET", "/vectors/fetch", None, 400, ERROR),
    Exchange("GET", "/vectors/list?limit=2", None, 200, READ | {"vectors": list, "pagination": dict}, "/vectors/list"),
    Exchange(
        "POST",
        "/vectors/fetch_by_metadata",
        {"filter": {"n": {"$gte": 1}}, "limit": 2},
        200,
        READ | {"vectors": dict, "pagination": dict},
    ),
    Exchange("POST", "/vectors/fetch_by_metadata", {"filter": {}}, 400, ERROR),
    Exchange("POST", "/vectors/update", {"id": "r1", "values": [3, 2, 1], "setMetadata": {"n": 9}}, 200, {}),
    Exchange("POST", "/vectors/update", {"filter": {"n": 9}, "setMetadata": {"m": 1}}, 200, {"matchedRecords": int}),
    Exchange("POST", "/describe_index_stats", {}, 200, {"namespaces": dict, "dimension": int, "totalVectorCount": int}),
    Exchange("POST", "/describe_index_stats", {"filter": {"n": 9}}, 200, {"namespaces": dict}),
    Exchange("POST", "/namespaces", {"name": "made"}, 200, {"name": str, "record_count": int}),
    Exchange("POST", "/namespaces", {"name": "made"}, 409, ERROR),
    Exchange("GET", "/namespaces?limit=2", None, 200, {"namespaces": list, "pagination": dict}, "/namespaces"),
    Exchange("GET", "/namespaces/ns", None, 200, {"name": str, "record_count": int}, "/namespaces/{namespace}"),
    Exchange("GET", "/namespaces/nope", None, 404, ERROR, "/namespaces/{namespace}"),
    Exchange("DELETE", "/namespaces/ns", None, 200, {}, "/namespaces/{namespace}"),
    Exchange("POST", "/vectors/delete", {"ids": ["r0"]}, 200, {}),
    Exchange("POST", "/vectors/delete", {"filter": {"n": 9}}, 200, {}),
    Exchange("POST", "/vectors/delete", {"deleteAll": True}, 200, {}),
    Exchange("POST", "/vectors/delete", {}, 400, ERROR),
    Exchange("DELETE", "/indexes/docs", None, 202, {}, "/indexes/{index_name}"),
]
"""Every route of vectors, namespaces and indexes that Pinecone describes and this service has, in an order that works."""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Exchange, httpx2.Response]]:
    options = Settings(_env_file=None, data_path=tmp_path_factory.mktemp("wire"), log_level="error")
    headers = {"X-Pinecone-Api-Version": VERSION, "Api-Key": "any"}
    with serving(options) as base, httpx2.Client(base_url=base, headers=headers, timeout=60) as http:
        return [
            (exchange, http.request(exchange.method, _address(exchange), json=exchange.body)) for exchange in EXCHANGES
        ]


def _address(exchange: Exchange) -> str:
    return exchange.path if exchange.path.startswith("/indexes") else "/indexes/docs" + exchange.path


def test_answers_have_pinecones_status_and_members(answers: list[tuple[Exchange, httpx2.Response]]) -> None:
    for exchange, answer in answers:
        assert answer.status_code == exchange.status, (exchange, answer.text)
        body = answer.json() if answer.content else {}
        for name, kind in exchange.members.items():
            assert isinstance(body.get(name), kind), (exchange, answer.text)
        if exchange.status >= 400 and exchange.path.startswith("/indexes"):
            assert set(body["error"]) >= {"code", "message"}


def test_stats_with_a_filter_still_count_everything(answers: list[tuple[Exchange, httpx2.Response]]) -> None:
    (stats,) = [
        answer.json()
        for exchange, answer in answers
        if exchange.body == {"filter": {"n": 9}} and "stats" in exchange.path
    ]
    assert (stats["namespaces"]["__default__"]["vectorCount"], stats["totalVectorCount"]) == (1, 7)


def test_answers_are_valid_in_pinecones_own_document(answers: list[tuple[Exchange, httpx2.Response]]) -> None:
    folder = os.environ.get("ASKMESH_TEST_PINECONE_OPENAPI")
    if not folder:
        pytest.skip("ASKMESH_TEST_PINECONE_OPENAPI names no copy of github.com/pinecone-io/pinecone-api")
    for exchange, answer in answers:
        plane = "control" if exchange.path.startswith("/indexes") else "data"
        document = yaml.safe_load((Path(folder) / VERSION / f"db_{plane}_{VERSION}.oas.yaml").read_text())
        responses = document["paths"][exchange.described or exchange.path][exchange.method.lower()]["responses"]
        described = responses.get(str(answer.status_code)) or responses[f"{answer.status_code // 100}XX"]
        if content := described.get("content"):
            schema = content["application/json"]["schema"] | {"components": document["components"]}
            jsonschema.Draft202012Validator(_plain(schema)).validate(answer.json())


def _plain(node: Any) -> Any:
    """Without `required: [name]` inside of a property, which is not what JSON Schema means by it."""
    if isinstance(node, dict):
        odd = node.get("type") in ("string", "array", "integer", "number")
        return {key: _plain(value) for key, value in node.items() if not (odd and key == "required")}
    return [_plain(item) for item in node] if isinstance(node, list) else node


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/indexes/create-for-model"),
        ("POST", "/indexes/docs/records/namespaces/a/upsert"),
        ("POST", "/indexes/docs/records/namespaces/a/search"),
        ("POST", "/indexes/docs/bulk/imports"),
        ("DELETE", "/indexes/docs/bulk/imports/101"),
        ("GET", "/indexes/docs/backups"),
    ],
)
def test_what_is_not_offered_says_so(url: str, method: str, path: str) -> None:
    answer = httpx2.request(method, url + path, content=b'{"_id": "a"}\n{"_id": "b"}', timeout=60)
    assert answer.status_code == 400
    assert answer.json()["details"][0]["reason"] == "not_offered"


document = schemathesis.openapi.from_path(Path(__file__).parents[1] / "openapi.json").include(path_regex="^/indexes")


@document.hook
def map_case(context: Any, case: Any) -> Any:
    """An index and vectors that exist, most of the time, so that what lies behind the first check is reached."""
    if "index" in case.path_parameters and len(case.path_parameters["index"]) < 8:
        case.path_parameters["index"] = "docs"
    if isinstance(case.body, dict) and isinstance(case.body.get("vector"), list):
        case.body["vector"] = [*case.body["vector"], 1.0, 2.0, 3.0][:3]
    return case


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    options = Settings(_env_file=None, data_path=tmp_path_factory.mktemp("fuzzed"), log_level="error")
    with serving(options) as base, httpx2.Client(base_url=base, timeout=60) as http:
        http.post("/indexes", json={"name": "docs", "dimension": 3, "deletion_protection": "enabled"})
        http.post("/indexes/docs/vectors/upsert", json={"vectors": VECTORS})
        yield base


@document.parametrize()
@settings(max_examples=200 if LONG else 2, suppress_health_check=list(HealthCheck))
def test_no_request_makes_an_answer_that_our_document_does_not_have(case: Any, fuzzed: str) -> None:
    # What a filter, an id or a page token must be is more than JSON Schema says, so a valid body may be a 400.
    case.call_and_validate(base_url=fuzzed, excluded_checks=[positive_data_acceptance])
