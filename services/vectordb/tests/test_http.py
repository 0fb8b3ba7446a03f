"""The HTTP surface beyond Pinecone's: search, capabilities, bad input, keys, limits, health, the OpenAPI document."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from askmesh_vectordb.app import create_app
from askmesh_vectordb.settings import Settings

from .conftest import serving

SERVICE = Path(__file__).parents[1]
TEXTS = {
    "read_text": ("pathlib.Path.read_text(encoding=None)", "Open the file in text mode, read it, and close the file."),
    "dumps": ("json.dumps(obj)", "Serialize obj to a JSON formatted str."),
    "gather": ("asyncio.gather(*aws)", "Run awaitable objects in the sequence concurrently."),
}


@pytest.fixture
def http(url: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=url, timeout=60) as client:
        yield client


@pytest.fixture
def docs(http: httpx2.Client) -> httpx2.Client:
    """A service with an index `docs` of three passages on three axes."""
    return fill(http)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """The same for requests that change nothing, started once."""
    settings = Settings(_env_file=None, data_path=tmp_path_factory.mktemp("shared"), log_level="error")
    with serving(settings) as base, httpx2.Client(base_url=base, timeout=60) as client:
        yield fill(client)
        assert client.post("/indexes/docs/describe_index_stats", json={}).json()["totalVectorCount"] == 3
        assert [index["name"] for index in client.get("/indexes").json()["indexes"]] == ["docs"]


def fill(http: httpx2.Client) -> httpx2.Client:
    created = http.post("/indexes", json={"name": "docs", "dimension": 3, "metric": "cosine"})
    assert created.status_code == 201
    vectors = [
        {"id": name, "values": np.eye(3)[n].tolist(), "metadata": {"header": header, "text": text, "n": n}}
        for n, (name, (header, text)) in enumerate(TEXTS.items())
    ]
    assert http.post("/indexes/docs/vectors/upsert", json={"vectors": vectors}).json() == {"upsertedCount": 3}
    return http


def search(http: httpx2.Client, **body: Any) -> list[dict[str, Any]]:
    answer = http.post("/indexes/docs/search", json=body)
    assert answer.status_code == 200, answer.text
    matches: list[dict[str, Any]] = answer.json()["matches"]
    return matches


def test_search_fuses_both_rankings_and_says_each(docs: httpx2.Client) -> None:
    first, *rest = search(docs, text="How do I read a whole text file? read_text", vector=[0.6, 0.8, 0.0])
    assert first["id"] == "read_text"
    assert first["ranks"] == {"dense": 2, "lexical": 1}
    assert first["scores"]["dense"] == pytest.approx(0.6)
    assert first["scores"]["lexical"] > 0
    assert first["score"] == pytest.approx(1 / 62 + 1 / 61)
    assert first["metadata"]["n"] == 0
    assert [match["id"] for match in rest] == ["dumps", "gather"]
    assert rest[0]["ranks"] == {"dense": 1, "lexical": None}


def test_search_gives_the_cosine_of_matches_found_by_words_only(docs: httpx2.Client) -> None:
    many = [{"id": f"f{n:03d}", "values": [0, 1, n / 1000], "metadata": {"text": "filler"}} for n in range(200)]
    docs.post("/indexes/docs/vectors/upsert", json={"vectors": many})
    first = search(docs, text="read_text", vector=[0.1, 1, 0], topK=3)
    (match,) = [match for match in first if match["id"] == "read_text"]
    assert match["ranks"] == {"dense": None, "lexical": 1}
    assert match["scores"]["dense"] == pytest.approx(0.1 / np.sqrt(1.01), abs=1e-6)


def test_search_by_text_or_vector_alone(docs: httpx2.Client) -> None:
    (match,) = search(docs, text="serializing")
    assert (match["id"], match["scores"]["dense"]) == ("dumps", None)
    by_vector = search(docs, vector=[0, 0, 1], topK=1, includeValues=True, includeMetadata=False)
    assert by_vector[0]["id"] == "gather"
    assert by_vector[0]["values"] == [0, 0, 1]
    assert "metadata" not in by_vector[0]
    assert search(docs, text="?! ... --") == []
    assert [match["id"] for match in search(docs, vector=[1, 1, 1], filter={"n": {"$gte": 1}})] == ["dumps", "gather"]


def test_capabilities_say_what_is_promised(docs: httpx2.Client) -> None:
    body = docs.get("/indexes/docs/capabilities").json()
    assert body["durable_writes"] is True
    assert body["sparse_values"] is False
    assert body["lexical"] == "native"
    assert body["limits"]["max_top_k"] == 10_000


def test_scores_and_values_have_no_spurious_digits(docs: httpx2.Client) -> None:
    vectors = [{"id": "x", "values": [0.1, 0.2, 0.3]}]
    docs.post("/indexes/docs/vectors/upsert", json={"vectors": vectors})
    assert '"values":[0.1,0.2,0.3]' in docs.get("/indexes/docs/vectors/fetch?ids=x").text


BAD_BODIES = [
    b"",
    b"null",
    b"[]",
    b"7",
    b'"text"',
    b"{",
    b'{"vectors": [}',
    b'{"topK": NaN, "vector": [1, 2, 3]}',
    b'{"topK": 1, "vector": [1e999, 2, 3]}',
    b'{"topK": 1, "vector": [1, 2, Infinity]}',
    b'{"vectors": [{"id": "a", "values": [1, 2, NaN]}]}',
    b'{"ids": ["\\u0000"]}',
    b'{"ids": ["\\ud800"]}',
    b'{"ids": ["\xff\xfe"]}',
    b'{"filter": ' + b'{"$and": [' * 300 + b"1" + b"]}" * 300 + b"}",
    b"[" * 900 + b"]" * 900,
    b'{"vectors": [{"id": "a", "values": [1, 2, 1e300]}]}',
    b'{"topK": 1, "vector": [1e300, 1, 1]}',
    b'{"topK": 99999999999999999999999, "vector": [1, 2, 3]}',
]
WRITE_ROUTES = [
    "/indexes",
    "/indexes/docs/vectors/upsert",
    "/indexes/docs/query",
    "/indexes/docs/search",
    "/indexes/docs/vectors/update",
    "/indexes/docs/vectors/delete",
    "/indexes/docs/vectors/fetch_by_metadata",
    "/indexes/docs/namespaces",
]


@pytest.mark.parametrize("route", WRITE_ROUTES)
def test_bodies_that_are_no_valid_request_are_4xx_in_pinecones_words(shared: httpx2.Client, route: str) -> None:
    for body in BAD_BODIES:
        answer = shared.post(route, content=body, headers={"Content-Type": "application/json"})
        assert 400 <= answer.status_code < 500, (body[:60], answer.status_code)
        assert answer.json()["message"]
        assert answer.json()["code"] == 3


GOOD = {"id": "a", "values": [1, 2, 3]}


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("vectors/upsert", {"vectors": []}),
        ("vectors/upsert", {"vectors": [GOOD] * 1001}),
        ("vectors/upsert", {"vectors": [{"values": [1, 2, 3]}]}),
        ("vectors/upsert", {"vectors": [GOOD | {"id": ""}]}),
        ("vectors/upsert", {"vectors": [GOOD | {"id": 7}]}),
        ("vectors/upsert", {"vectors": [GOOD | {"id": "ü"}]}),
        ("vectors/upsert", {"vectors": [GOOD | {"id": "x" * 513}]}),
        ("vectors/upsert", {"vectors": [{"id": "a"}]}),
        ("vectors/upsert", {"vectors": [GOOD | {"values": [0, 0, 0]}]}),
        ("vectors/upsert", {"vectors": [GOOD | {"values": [1, 2, True]}]}),
        ("vectors/upsert", {"vectors": [GOOD | {"values": [1, 2, "3"]}]}),
        ("vectors/upsert", {"vectors": [GOOD | {"values": [1, 2, None]}]}),
        ("vectors/upsert", {"vectors": [GOOD | {"values": [1] * 20_001}]}),
        ("vectors/upsert", {"vectors": [GOOD | {"values": [1e-320, 0, 0]}]}),
        ("vectors/upsert", {"vectors": [GOOD | {"metadata": {"k": None}}]}),
        ("vectors/upsert", {"vectors": [GOOD | {"metadata": {"k": {"nested": 1}}}]}),
        ("vectors/upsert", {"vectors": [GOOD | {"metadata": {"k": [1, 2]}}]}),
        ("vectors/upsert", {"vectors": [GOOD | {"metadata": {"$k": 1}}]}),
        ("vectors/upsert", {"vectors": [GOOD | {"metadata": {"k": "x" * 41_000}}]}),
        ("vectors/upsert", {"vectors": [GOOD], "namespace": "x" * 513}),
        ("vectors/upsert", {"vectors": [GOOD], "namespace": "ü"}),
        ("vectors/upsert", {"vectors": [GOOD | {"sparseValues": {"indices": [1], "values": [1.0]}}]}),
        ("query", {"topK": 0, "vector": [1, 2, 3]}),
        ("query", {"topK": 10_001, "vector": [1, 2, 3]}),
        ("query", {"topK": "3", "vector": [1, 2, 3]}),
        ("query", {"topK": 3}),
        ("query", {"topK": 3, "vector": [1, 2, 3], "id": "a"}),
        ("query", {"topK": 3, "vector": []}),
        ("query", {"topK": 3, "vector": [1, 2]}),
        ("query", {"topK": 3, "vector": [1, 2, 3], "filter": {}}),
        ("query", {"topK": 3, "vector": [1, 2, 3], "filter": {"a": {"$what": 1}}}),
        ("query", {"topK": 3, "vector": [1, 2, 3], "sparseVector": {"indices": [1], "values": [1.0]}}),
        ("search", {}),
        ("search", {"text": 7}),
        ("search", {"text": "x" * 9000}),
        ("search", {"text": "a", "fusion": "magic"}),
        ("search", {"text": "a", "topK": -1}),
        ("vectors/update", {"id": "a"}),
        ("vectors/update", {"setMetadata": {"a": 1}}),
        ("vectors/update", {"id": "a", "filter": {"a": 1}, "setMetadata": {"a": 1}}),
        ("vectors/update", {"filter": {"a": 1}, "values": [1, 2, 3]}),
        ("vectors/update", {"filter": {}, "setMetadata": {"a": 1}}),
        ("vectors/update", {"id": "a", "values": [0, 0, 0]}),
        ("vectors/update", {"id": "a", "setMetadata": {"a": None}}),
        ("vectors/delete", {}),
        ("vectors/delete", {"ids": []}),
        ("vectors/delete", {"ids": ["a"], "deleteAll": True}),
        ("vectors/delete", {"filter": {}}),
        ("vectors/delete", {"ids": ["a"] * 1001}),
        ("vectors/fetch_by_metadata", {"filter": {}}),
        ("vectors/fetch_by_metadata", {"filter": {"a": 1}, "limit": 0}),
        ("vectors/fetch_by_metadata", {"filter": {"a": 1}, "paginationToken": "!"}),
        ("describe_index_stats", {"filter": {"a": {"$x": 1}}}),
        ("namespaces", {"name": ""}),
        ("namespaces", {"name": "__default__"}),
        ("namespaces", {}),
    ],
    ids=str,
)
def test_requests_beyond_the_rules_are_400_and_name_the_place(
    shared: httpx2.Client, route: str, body: dict[str, Any]
) -> None:
    answer = shared.post(f"/indexes/docs/{route}", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == 3
    assert answer.json()["message"]


@pytest.mark.parametrize(
    ("route", "wrong"),
    [
        ("vectors/upsert", lambda count: {"vectors": ["x"] * count}),
        ("vectors/upsert", lambda count: {"vectors": [{"id": "a", "values": ["x"] * count}]}),
        ("query", lambda count: {"topK": 3, "vector": ["x"] * count}),
        ("search", lambda count: {"vector": ["x"] * count}),
        ("vectors/update", lambda count: {"id": "a", "values": ["x"] * count}),
        ("vectors/delete", lambda count: {"ids": [7] * count}),
    ],
)
def test_of_many_wrong_items_the_first_is_told(
    shared: httpx2.Client, route: str, wrong: Callable[[int], dict[str, Any]]
) -> None:
    one, many = (shared.post(f"/indexes/docs/{route}", json=wrong(count)) for count in (1, 100_000))
    assert (many.status_code, many.text) == (one.status_code, one.text)
    assert one.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"name": "docs2"},
        {"name": "Docs", "dimension": 3},
        {"name": "-a", "dimension": 3},
        {"name": "a" * 46, "dimension": 3},
        {"name": "../../etc", "dimension": 3},
        {"name": "a", "dimension": 0},
        {"name": "a", "dimension": 20_001},
        {"name": "a", "dimension": True},
        {"name": "a", "dimension": 3, "metric": "manhattan"},
        {"name": "a", "dimension": 3, "vector_type": "sparse"},
        {"name": "a", "dimension": 3, "tags": {"k": 1}},
        {"name": "a", "dimension": 3, "tags": {"k": "x" * 121}},
        {"name": "a", "dimension": 3, "tags": {str(n): "x" for n in range(21)}},
        {"name": "a", "schema": {}},
        {"name": "a", "schema": {"fields": {"s": {"type": "sparse_vector"}}}},
        {"name": "a", "schema": {"fields": {"v": {"type": "dense_vector", "dimension": "3"}}}},
        {"name": "a", "schema": {"fields": []}},
    ],
    ids=str,
)
def test_an_index_that_cannot_be_is_refused(shared: httpx2.Client, body: dict[str, Any]) -> None:
    answer = shared.post("/indexes", json=body)
    assert answer.status_code == 400, answer.text


def test_get_parameters_are_checked_too(shared: httpx2.Client) -> None:
    for path in [
        "vectors/fetch",
        "vectors/fetch?ids=",
        "vectors/list?limit=0",
        "vectors/list?limit=101",
        "vectors/list?limit=x",
        "vectors/list?paginationToken=%C3%BC",
        "namespaces?limit=1000",
    ]:
        assert shared.get(f"/indexes/docs/{path}").status_code == 400, path
    for path in ["/indexes/nope", "/indexes/nope/vectors/list", "/indexes/..%2Fdocs", "/indexes/docs/nothing"]:
        assert shared.get(path).status_code == 404, path
        assert shared.get(path).json()["code"] == 5
    assert shared.put("/indexes/docs").status_code == 405


def test_a_result_beyond_the_limit_is_refused(make_settings: Callable[..., Settings]) -> None:
    with serving(make_settings(max_result_bytes=5000)) as base, httpx2.Client(base_url=base, timeout=60) as http:
        http.post("/indexes", json={"name": "docs", "dimension": 2})
        vectors = [{"id": f"r{n}", "values": [1, n], "metadata": {"t": "x" * 100}} for n in range(100)]
        http.post("/indexes/docs/vectors/upsert", json={"vectors": vectors})
        body = {"topK": 100, "vector": [1, 1]}
        assert http.post("/indexes/docs/query", json=body | {"topK": 10}).status_code == 200
        answer = http.post("/indexes/docs/query", json=body | {"includeMetadata": True})
        assert answer.status_code == 400
        assert answer.json()["details"][0]["reason"] == "result_too_large"


def test_scopes_decide_who_may_read_write_and_drop(make_settings: Callable[..., Settings]) -> None:
    keys = "reader=read,writer=write,boss=admin"
    with serving(make_settings(api_keys=keys)) as base, httpx2.Client(base_url=base, timeout=60) as http:

        def status(key: str | None, method: str, path: str, body: object = None) -> int:
            headers = {"Api-Key": key} if key else {}
            return http.request(method, path, json=body, headers=headers).status_code

        index = {"name": "docs", "dimension": 2}
        upsert = {"vectors": [{"id": "a", "values": [1, 2]}]}
        assert status(None, "GET", "/indexes") == 401
        assert status("wrong", "GET", "/indexes") == 401
        assert status("reader", "POST", "/indexes", index) == 403
        assert status("writer", "POST", "/indexes", index) == 201
        assert status("reader", "POST", "/indexes/docs/vectors/upsert", upsert) == 403
        assert status("writer", "POST", "/indexes/docs/vectors/upsert", upsert) == 200
        assert status("reader", "POST", "/indexes/docs/query", {"topK": 1, "id": "a"}) == 200
        assert status("writer", "DELETE", "/indexes/docs") == 403
        assert status("boss", "DELETE", "/indexes/docs") == 202


def test_hosts_are_told_with_the_public_url(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(public_url="https://vectors.example.org/base/")
    with serving(settings) as base, httpx2.Client(base_url=base, timeout=60) as http:
        body = http.post("/indexes", json={"name": "docs", "dimension": 2}).json()
    assert body["host"] == "https://vectors.example.org/base/indexes/docs"


def test_ready_says_why_not(make_settings: Callable[..., Settings], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with serving(make_settings(data_path=tmp_path / "file")) as base, httpx2.Client(base_url=base, timeout=60) as http:
        assert http.get("/livez").status_code == 200
        answer = http.get("/readyz")
        assert answer.status_code == 503
        assert "folder cannot be used" in answer.json()["checks"]["store"]["reason"]
        failed = http.post("/indexes", json={"name": "docs", "dimension": 2})
        assert failed.status_code == 503
        assert failed.json()["code"] == 14


def test_the_committed_openapi_document_is_current() -> None:
    committed = json.loads((SERVICE / "openapi.json").read_text())
    assert committed == create_app(Settings(_env_file=None)).openapi(), (
        "run: python -m askmesh_vectordb openapi > services/vectordb/openapi.json"
    )


def test_the_readme_lists_every_setting() -> None:
    readme = (SERVICE / "README.md").read_text()
    listed = {line.split("`")[1] for line in readme.splitlines() if line.startswith("| `ASKMESH_VECTORDB_")}
    assert listed == {f"ASKMESH_VECTORDB_{name.upper()}" for name in Settings.model_fields}
