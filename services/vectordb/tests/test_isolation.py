"""A bound key: its answers are those of a store that holds nothing but what it may see, and it changes nothing else."""

import asyncio
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from askmesh_kit.errors import ServiceError
from askmesh_vectordb import filters
from askmesh_vectordb.app import create_app
from askmesh_vectordb.bindings import fingerprint
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import IndexInfo, Page, Query, Record, Selection, Store
from askmesh_vectordb.stores.bound import Binding, BoundStore
from askmesh_vectordb.stores.local.store import LocalStore
from hypothesis import given, settings
from hypothesis import strategies as st

from .conftest import serving
from .test_filters import FILTERS

OWN = filters.parse({"audience": "public"})
BINDINGS = {
    "namespace": Binding("mine"),
    "filter": Binding(None, OWN),
    "both": Binding("mine", OWN),
}
NAMESPACES = st.sampled_from(["", "mine", "other"])
IDS = st.sampled_from([f"id{n}" for n in range(6)])
VECTORS = st.lists(st.integers(-3, 3), min_size=2, max_size=2).filter(any)
METADATA = st.fixed_dictionaries(
    {"text": st.sampled_from(["walrus", "heron", "walrus heron"])},
    optional={
        "audience": st.sampled_from(["public", "staff", ["public", "staff"], []]),
        "n": st.integers(0, 2),
        "ok": st.booleans(),
    },
)
RECORDS = st.lists(st.tuples(IDS, VECTORS, METADATA), min_size=1, max_size=5)
CHANGES = st.fixed_dictionaries(
    {}, optional={"n": st.integers(0, 2), "text": st.just("otter"), "audience": st.just("public")}
)
LISTS = st.lists(IDS, min_size=1, max_size=4)
CALLS = st.one_of(
    st.tuples(st.just("query"), NAMESPACES, VECTORS, st.none() | FILTERS),
    st.tuples(st.just("query by id"), NAMESPACES, IDS),
    st.tuples(st.just("fetch"), NAMESPACES, LISTS),
    st.tuples(st.just("scan"), NAMESPACES, st.none() | FILTERS, st.integers(1, 7)),
    st.tuples(st.just("count"), st.none() | FILTERS),
    st.tuples(st.just("text"), NAMESPACES, st.sampled_from(["walrus", "otter heron"])),
    st.tuples(st.just("upsert"), NAMESPACES, RECORDS),
    st.tuples(st.just("update"), NAMESPACES, IDS, st.none() | VECTORS, CHANGES),
    st.tuples(st.just("update where"), NAMESPACES, FILTERS, CHANGES),
    st.tuples(st.just("delete"), NAMESPACES, LISTS),
    st.tuples(st.just("delete where"), NAMESPACES, FILTERS),
    st.tuples(st.just("delete all"), NAMESPACES),
    st.tuples(st.just("drop namespace"), NAMESPACES),
    st.tuples(st.just("create namespace"), NAMESPACES),
    st.tuples(st.just("configure")),
    st.tuples(st.just("create")),
    st.tuples(st.just("drop")),
)


def record(given_record: Any) -> Record:
    name, values, metadata = given_record
    return Record(name, np.array(values, np.float32), metadata)


def told(records: Any) -> Any:
    """Records as something to compare."""
    values = None if records.values is None else records.values.tolist()
    return (records.id, values, records.metadata)


async def perform(store: Store, call: Any) -> Any:
    """What a call answers: a comparable value, or the error's status, code and words."""
    kind, *rest = call
    try:
        return await OPERATIONS[kind](store, *rest)
    except ServiceError as error:
        return error.status, error.code, error.detail


async def matches(store: Store, namespace: str, query: Query) -> Any:
    return [(match.id, match.score, match.metadata) for match in await store.query("docs", namespace, query)]


async def ids_by_text(store: Store, namespace: str, text: str) -> Any:
    return sorted(match.id for match in await store.search_text("docs", namespace, text, top_k=20))


async def scanned(store: Store, namespace: str, raw: Any, limit: int) -> Any:
    page: Page[Record] = await store.scan("docs", namespace, limit=limit, filter=chosen(raw))
    return [told(item) for item in page.items], page.cursor


async def fetched(store: Store, namespace: str, ids: list[str]) -> Any:
    return {name: told(item) for name, item in (await store.fetch("docs", namespace, ids)).items()}


def chosen(raw: Any) -> Any:
    return None if raw is None else filters.parse(raw)


def vector(values: Any) -> Any:
    return None if values is None else np.array(values, np.float32)


OPERATIONS: dict[str, Callable[..., Any]] = {
    "query": lambda s, ns, values, raw: matches(s, ns, Query(4, vector(values), filter=chosen(raw))),
    "query by id": lambda s, ns, name: matches(s, ns, Query(4, id=name)),
    "fetch": fetched,
    "scan": scanned,
    "count": lambda s, raw: s.count("docs", chosen(raw)),
    "text": ids_by_text,
    "upsert": lambda s, ns, items: s.upsert("docs", ns, [record(item) for item in items]),
    "update": lambda s, ns, name, values, changes: s.update(
        "docs", ns, Selection([name]), values=vector(values), set_metadata=changes
    ),
    "update where": lambda s, ns, raw, changes: s.update(
        "docs", ns, Selection(filter=chosen(raw)), set_metadata=changes
    ),
    "delete": lambda s, ns, ids: s.delete("docs", ns, Selection(ids)),
    "delete where": lambda s, ns, raw: s.delete("docs", ns, Selection(filter=chosen(raw))),
    "delete all": lambda s, ns: s.delete("docs", ns, Selection(everything=True)),
    "drop namespace": lambda s, ns: s.drop_namespace("docs", ns),
    "create namespace": lambda s, ns: s.create_namespace("docs", ns),
    "configure": lambda s: s.configure_index("docs", tags={"fingerprint": "m2"}),
    "create": lambda s: s.ensure_index(IndexInfo("docs", 3, "cosine")),
    "drop": lambda s: s.drop_index("docs"),
}


def is_hidden(binding: Binding, namespace: str, item: Record) -> bool:
    outside = binding.namespace is not None and namespace != binding.namespace
    return outside or (binding.filter is not None and not binding.filter.matches(item.metadata))


async def contents(store: Store) -> dict[tuple[str, str], Record]:
    found = {}
    for namespace in ("", "mine", "other"):
        for item in (await store.scan("docs", namespace, limit=1000)).items:
            found[namespace, item.id] = item
    return found


@pytest.mark.parametrize("kind", BINDINGS)
@settings(max_examples=12)
@given(data=st.data())
def test_answers_are_those_of_a_store_without_the_rest_and_the_rest_stays(kind: str, data: st.DataObject) -> None:
    binding = BINDINGS[kind]
    first = data.draw(st.lists(st.tuples(NAMESPACES, RECORDS), min_size=1, max_size=4))
    calls = data.draw(st.lists(CALLS, min_size=1, max_size=10))

    async def run(folder: Path) -> None:
        whole, alone = LocalStore(folder / "whole"), LocalStore(folder / "alone")
        for store in (whole, alone):
            await store.ensure_index(IndexInfo("docs", 2, "cosine", {"fingerprint": "m1"}))
        for namespace, items in first:
            await whole.upsert("docs", namespace, [record(item) for item in items])
        before = await contents(whole)
        for (namespace, _), item in before.items():
            if not is_hidden(binding, namespace, item):
                await alone.upsert("docs", namespace, [item])
        hidden = {key: told(item) for key, item in before.items() if is_hidden(binding, key[0], item)}
        for call in calls:
            answer = await perform(BoundStore(whole, binding), call)
            assert answer == await perform(BoundStore(alone, binding), call), call
        after = await contents(whole)
        assert {key: told(item) for key, item in after.items() if key in hidden} == hidden
        seen = {key: told(item) for key, item in after.items() if key not in hidden}
        assert seen == {key: told(item) for key, item in (await contents(alone)).items()}
        assert (await whole.describe_index("docs")).tags == {"fingerprint": "m1"}
        await whole.close()
        await alone.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))


KEYS = "boss=admin,tenant=admin,public=admin"
BOUND = {
    "tenant": {"namespace": "tenant"},
    fingerprint("public"): {"filter": {"audience": "public"}},
}


def test_over_http_every_route_keeps_to_the_binding(make_settings: Callable[..., Settings]) -> None:
    with (
        serving(make_settings(api_keys=KEYS, key_bindings=json.dumps(BOUND))) as base,
        httpx2.Client(base_url=base, timeout=60) as http,
    ):

        def call(key: str, path: str, body: Any = None, method: str = "") -> Any:
            answer = http.request(
                method or ("POST" if body is not None else "GET"),
                f"/indexes{path}",
                json=body,
                headers={"Api-Key": key},
            )
            return answer.json() if answer.status_code < 300 and answer.content else answer.status_code

        call("boss", "", {"name": "docs", "dimension": 2})
        staff = {"id": "s", "values": [1, 0], "metadata": {"audience": ["staff"], "text": "walrus"}}
        public = {"id": "p", "values": [0, 1], "metadata": {"audience": ["public"], "text": "walrus"}}
        call("boss", "/docs/vectors/upsert", {"vectors": [staff, public]})
        call("tenant", "/docs/vectors/upsert", {"vectors": [staff], "namespace": "tenant"})

        assert call("public", "/docs/describe_index_stats", {})["totalVectorCount"] == 1
        assert call("public", "/docs/describe_index_stats")["namespaces"] == {"__default__": {"vectorCount": 1}}
        assert call("tenant", "/docs/describe_index_stats", {})["namespaces"] == {"tenant": {"vectorCount": 1}}
        assert call("public", "/docs/namespaces")["namespaces"] == [{"name": "__default__", "record_count": 1}]
        assert call("public", "/docs/namespaces/tenant") == 404
        assert call("public", "/docs/namespaces/nowhere") == 404
        for body in ({"vector": [1, 0]}, {"vector": [1, 0], "text": "walrus"}, {"text": "walrus"}):
            found = call("public", "/docs/search", body | {"topK": 5})["matches"]
            assert [match["id"] for match in found] == ["p"]
        assert [match["id"] for match in call("public", "/docs/query", {"vector": [1, 0], "topK": 5})["matches"]] == [
            "p"
        ]
        assert call("public", "/docs/query", {"id": "s", "topK": 5})["matches"] == []
        assert list(call("public", "/docs/vectors/fetch?ids=s&ids=p")["vectors"]) == ["p"]
        assert call("public", "/docs/vectors/list")["vectors"] == [{"id": "p"}]
        either = {"filter": {"text": "walrus"}}
        assert list(call("public", "/docs/vectors/fetch_by_metadata", either)["vectors"]) == ["p"]
        assert call("public", "/docs/vectors/update", {"id": "s", "setMetadata": {"n": 1}}) == {"matchedRecords": 0}
        assert call("public", "/docs/vectors/update", {"id": "p", "setMetadata": {"audience": ["staff"]}}) == 403
        assert call("public", "/docs/vectors/upsert", {"vectors": [public]}) == 403
        assert call("tenant", "/docs/vectors/upsert", {"vectors": [public]}) == 403
        assert call("tenant", "/docs/query", {"vector": [1, 0], "topK": 5})["matches"] == []
        for key in ("public", "tenant"):
            assert call(key, "/docs", method="DELETE") == 403
            assert call(key, "", {"name": "more", "dimension": 2}) == 403
            assert call(key, "/docs", {"tags": {"a": "b"}}, method="PATCH") == 403
        call("public", "/docs/vectors/delete", {"deleteAll": True})
        call("public", "/docs/vectors/delete", {"ids": ["s"]})
        assert call("boss", "/docs/describe_index_stats", {})["totalVectorCount"] == 2
        assert list(call("boss", "/docs/vectors/fetch?ids=s&ids=p")["vectors"]) == ["s"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not JSON"),
        ("[]", "the value"),
        ('{"other": {"namespace": "a"}}', "names no key"),
        ('{"boss": {}}', "neither namespace nor filter"),
        ('{"boss": {"filter": {}}}', "filter"),
        ('{"boss": {"filter": {"a": {"$what": 1}}}}', "not a known operator"),
        ('{"boss": {"namespaces": "a"}}', "namespaces"),
        ('{"boss": {"namespace": 7}}', "namespace"),
        (f'{{"boss": {{"namespace": "a"}}, "{fingerprint("boss")}": {{"namespace": "b"}}}}', "second time"),
    ],
)
def test_a_binding_that_is_not_understood_stops_the_start(
    make_settings: Callable[..., Settings], text: str, why: str
) -> None:
    with pytest.raises(SystemExit, match=why) as caught:
        create_app(make_settings(api_keys=KEYS, key_bindings=text))
    assert "boss" not in str(caught.value)


def test_anonymous_callers_can_be_bound(make_settings: Callable[..., Settings]) -> None:
    bound = {"anonymous": {"namespace": "public"}}
    changes = {"api_keys": "boss", "anonymous_scopes": "read", "key_bindings": json.dumps(bound)}
    with serving(make_settings(**changes)) as base, httpx2.Client(base_url=base, timeout=60) as http:
        boss = {"Api-Key": "boss"}
        http.post("/indexes", json={"name": "docs", "dimension": 2}, headers=boss)
        for namespace in ("public", "secret"):
            body = {"vectors": [{"id": namespace, "values": [1, 2]}], "namespace": namespace}
            assert http.post("/indexes/docs/vectors/upsert", json=body, headers=boss).status_code == 200
        assert http.post("/indexes/docs/describe_index_stats", json={}).json()["totalVectorCount"] == 1
