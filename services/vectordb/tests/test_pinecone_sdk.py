"""The stock Pinecone SDK, sync and async, works unchanged on every route over a real loopback server."""

from collections.abc import AsyncIterator, Iterator

import numpy as np
import pinecone
import pytest
from pinecone.async_client.async_index import AsyncIndex
from pinecone.index import Index

from .naughty import NAUGHTY


@pytest.fixture
def client(url: str) -> Iterator[pinecone.Pinecone]:
    client = pinecone.Pinecone(api_key="any", host=url)
    yield client
    client.close()


@pytest.fixture
def index(client: pinecone.Pinecone) -> Iterator[Index]:
    client.create_index(name="docs", dimension=3, metric="cosine", spec=SPEC)
    index = client.Index("docs")
    yield index
    index.close()


@pytest.fixture
async def async_client(url: str) -> AsyncIterator[pinecone.AsyncPinecone]:
    async with pinecone.AsyncPinecone(api_key="any", host=url) as client:
        yield client


@pytest.fixture
async def async_index(async_client: pinecone.AsyncPinecone) -> AsyncIterator[AsyncIndex]:
    schema = {"fields": {"_values": {"type": "dense_vector", "dimension": 3, "metric": "cosine"}}}
    await async_client.indexes.create(name="docs", schema=schema, tags={"fingerprint": "m1"})
    async with await async_client.index(name="docs") as index:
        yield index


SPEC = pinecone.ServerlessSpec(cloud="aws", region="us-east-1")
VECTORS = [
    {"id": f"r{n}", "values": [1.0, n, 0.5], "metadata": {"n": n, "kind": "odd" if n % 2 else "even"}} for n in range(7)
]


def test_indexes_are_created_described_configured_listed_and_deleted(client: pinecone.Pinecone, url: str) -> None:
    made = client.create_index(name="docs", dimension=3, metric="dotproduct", spec=SPEC, tags={"fingerprint": "m1"})
    assert made.host == f"{url}/indexes/docs"
    described = client.describe_index("docs")
    assert (described.dimension, described.metric, described.vector_type) == (3, "dotproduct", "dense")
    assert described.status.ready
    assert described.tags == {"fingerprint": "m1"}
    assert [found.name for found in client.list_indexes()] == ["docs"]
    assert client.has_index("docs")
    configured = client.configure_index("docs", tags={"team": "search"}, deletion_protection="enabled")
    assert configured.tags == {"fingerprint": "m1", "team": "search"}
    with pytest.raises(pinecone.ForbiddenError, match="protected"):
        client.delete_index("docs")
    client.configure_index("docs", deletion_protection="disabled")
    client.delete_index("docs")
    assert not client.has_index("docs")


def test_an_index_is_reached_by_name_and_by_host(client: pinecone.Pinecone, index: Index, url: str) -> None:
    index.upsert(vectors=VECTORS)
    by_host = client.Index(host=f"{url}/indexes/docs")
    assert by_host.describe_index_stats().total_vector_count == 7
    by_host.close()


def test_every_form_of_vector_is_upserted_in_batches_too(index: Index) -> None:
    forms = [("t", [1, 0, 0]), ("u", [0, 1, 0], {"a": 1}), pinecone.Vector(id="v", values=[0, 0, 1])]
    assert index.upsert(vectors=forms).upserted_count == 3
    many = [{"id": f"m{n}", "values": [1, n, n]} for n in range(250)]
    assert index.upsert(vectors=many, batch_size=100, show_progress=False).upserted_count == 250
    assert index.describe_index_stats().total_vector_count == 253


def test_query_by_vector_and_id_with_filter_values_and_metadata(index: Index) -> None:
    index.upsert(vectors=VECTORS)
    answer = index.query(vector=[1, 6, 0.5], top_k=3, include_values=True, include_metadata=True)
    assert [match.id for match in answer.matches] == ["r6", "r5", "r4"]
    assert answer.matches[0].score == pytest.approx(1)
    assert answer.matches[0].values == [1, 6, 0.5]
    assert answer.matches[0].metadata == {"n": 6, "kind": "even"}
    bare = index.query(id="r6", top_k=1).matches[0]
    assert bare.id == "r6"
    assert not bare.metadata
    assert not bare.values
    odd = index.query(vector=[1, 6, 0.5], top_k=10, filter={"kind": "odd", "n": {"$gt": 1}})
    assert [match.id for match in odd.matches] == ["r5", "r3"]


def test_euclidean_scores_are_squared_distances_nearest_first(client: pinecone.Pinecone) -> None:
    client.create_index(name="euclid", dimension=2, metric="euclidean", spec=SPEC)
    index = client.Index("euclid")
    index.upsert(vectors=[("far", [3, 4]), ("near", [1, 0])])
    matches = index.query(vector=[1e-9, 0], top_k=2).matches
    assert [(match.id, match.score) for match in matches] == [("near", pytest.approx(1)), ("far", pytest.approx(25))]
    spread = index.query_namespaces(vector=[1e-9, 0], namespaces=["", "none"], metric="euclidean", top_k=1)
    assert [match.id for match in spread.matches] == ["near"]
    index.close()


def test_fetch_list_and_fetch_by_metadata_page_by_page(index: Index) -> None:
    index.upsert(vectors=VECTORS, namespace="ns")
    index.upsert(vectors=[(f"x#{n:03d}", [1, 1, n]) for n in range(120)], namespace="ns")
    fetched = index.fetch(ids=["r1", "nobody", "r2"], namespace="ns")
    assert set(fetched.vectors) == {"r1", "r2"}
    assert fetched.namespace == "ns"
    pages = [[item.id for item in page.vectors] for page in index.list(prefix="x#", limit=50, namespace="ns")]
    assert [len(page) for page in pages] == [50, 50, 20]
    assert [name for page in pages for name in page] == [f"x#{n:03d}" for n in range(120)]
    first = index.fetch_by_metadata(filter={"kind": "even"}, limit=3, namespace="ns")
    assert list(first.vectors) == ["r0", "r2", "r4"]
    second = index.fetch_by_metadata(
        filter={"kind": "even"}, limit=3, namespace="ns", pagination_token=first.pagination.next
    )
    assert list(second.vectors) == ["r6"]
    assert second.pagination is None


def test_update_by_id_by_filter_and_dry(index: Index) -> None:
    index.upsert(vectors=VECTORS)
    index.update(id="r0", values=[0, 0, 1], set_metadata={"new": "yes"})
    record = index.fetch(ids=["r0"]).vectors["r0"]
    assert record.values == [0, 0, 1]
    assert record.metadata == {"n": 0, "kind": "even", "new": "yes"}
    odd = {"kind": {"$eq": "odd"}}
    assert index.update(filter=odd, set_metadata={"hit": True}, dry_run=True).matched_records == 3
    assert not index.fetch_by_metadata(filter={"hit": True}).vectors
    assert index.update(filter=odd, set_metadata={"hit": True}).matched_records == 3
    assert sorted(index.fetch_by_metadata(filter={"hit": True}).vectors) == ["r1", "r3", "r5"]


def test_delete_by_ids_filter_and_all(index: Index) -> None:
    index.upsert(vectors=VECTORS)
    index.upsert(vectors=VECTORS, namespace="other")
    index.delete(ids=["r0", "nobody"])
    index.delete(filter={"kind": "odd"})
    assert [item.id for page in index.list() for item in page.vectors] == ["r2", "r4", "r6"]
    index.delete(delete_all=True)
    stats = index.describe_index_stats()
    assert stats.namespaces["other"].vector_count == 7
    assert stats.total_vector_count == 7


def test_namespaces_are_created_described_listed_and_deleted(index: Index) -> None:
    index.create_namespace(name="a/b c?")
    index.upsert(vectors=VECTORS, namespace="filled")
    index.upsert(vectors=VECTORS[:2])
    assert index.describe_namespace(name="a/b c?").record_count == 0
    assert index.describe_namespace(name="__default__").record_count == 2
    pages = list(index.list_namespaces(limit=2))
    assert [[item.name for item in page.namespaces] for page in pages] == [["__default__", "a/b c?"], ["filled"]]
    assert [item.name for item in index.list_namespaces_paginated(prefix="f").namespaces] == ["filled"]
    index.delete_namespace(name="filled")
    with pytest.raises(pinecone.NotFoundError):
        index.describe_namespace(name="filled")
    with pytest.raises(pinecone.ConflictError):
        index.create_namespace(name="a/b c?")


def test_the_default_namespace_has_an_alias(index: Index) -> None:
    index.upsert(vectors=VECTORS, namespace="__default__")
    assert len(index.query(vector=[1, 1, 1], top_k=10).matches) == 7
    assert index.describe_index_stats().namespaces["__default__"].vector_count == 7


def test_metadata_and_values_come_back_byte_for_byte(index: Index) -> None:
    values = np.random.default_rng(3).normal(size=(len(NAUGHTY), 3)).astype(np.float32)
    index.upsert(
        vectors=[
            {"id": f"id {n}", "values": values[n].tolist(), "metadata": {"t": text, f"k{text}": [text]}}
            for n, text in enumerate(NAUGHTY)
        ]
    )
    back = index.fetch(ids=[f"id {n}" for n in range(len(NAUGHTY))]).vectors
    for n, text in enumerate(NAUGHTY):
        assert back[f"id {n}"].metadata == {"t": text, f"k{text}": [text]}
        assert np.array_equal(np.float32(back[f"id {n}"].values), values[n])
        found = index.query(vector=[1, 0, 0], top_k=1, filter={"t": text})
        assert [match.id for match in found.matches] == [f"id {n}"]


def test_the_sdk_raises_its_own_errors(client: pinecone.Pinecone, index: Index) -> None:
    with pytest.raises(pinecone.ConflictError, match="dimension 3, not 4") as conflict:
        client.create_index(name="docs", dimension=4, metric="cosine", spec=SPEC)
    assert conflict.value.body["code"] == 6
    with pytest.raises(pinecone.ConflictError, match="exists already"):
        client.create_index(name="docs", dimension=3, metric="cosine", spec=SPEC)
    with pytest.raises(pinecone.NotFoundError, match="no index named 'nope'"):
        client.describe_index("nope")
    with pytest.raises(pinecone.ApiError, match="dimension 2 does not match") as wrong:
        index.upsert(vectors=[("a", [1, 2])])
    assert wrong.value.status_code == 400
    assert wrong.value.body["code"] == 3
    assert wrong.value.body["details"][0]["reason"] == "wrong_dimension"
    assert wrong.value.request_id
    with pytest.raises(pinecone.ApiError, match="not a known operator"):
        index.query(vector=[1, 2, 3], top_k=1, filter={"a": {"$like": "b"}})
    with pytest.raises(pinecone.PayloadTooLargeError):
        index.upsert(vectors=[{"id": f"{n}", "values": [1, 2, 3], "metadata": {"t": "x" * 39_000}} for n in range(60)])
    with pytest.raises(pinecone.ApiError, match="no sparse vectors"):
        index.upsert(vectors=[{"id": "a", "values": [1, 2, 3], "sparse_values": {"indices": [1], "values": [1.0]}}])


@pytest.mark.anyio
async def test_the_async_sdk_does_the_same(
    async_client: pinecone.AsyncPinecone, async_index: AsyncIndex, url: str
) -> None:
    assert [info.name async for info in async_client.indexes.list()] == ["docs"]
    assert (await async_client.indexes.describe("docs")).host == f"{url}/indexes/docs"
    assert (await async_index.upsert(vectors=VECTORS, namespace="ns")).upserted_count == 7
    answer = await async_index.query(vector=[1, 6, 0.5], top_k=2, namespace="ns", include_metadata=True)
    assert [match.id for match in answer.matches] == ["r6", "r5"]
    assert set((await async_index.fetch(ids=["r1"], namespace="ns")).vectors) == {"r1"}
    assert [len(page.vectors) async for page in async_index.list(namespace="ns", limit=5)] == [5, 2]
    by_metadata = await async_index.fetch_by_metadata(filter={"n": {"$gte": 5}}, namespace="ns")
    assert sorted(by_metadata.vectors) == ["r5", "r6"]
    assert (await async_index.update(id="r1", set_metadata={"n": 50}, namespace="ns")).matched_records == 1
    await async_index.delete(filter={"n": {"$lt": 5}}, namespace="ns")
    assert (await async_index.describe_index_stats()).namespaces["ns"].vector_count == 3
    await async_index.create_namespace(name="empty")
    assert [item.name async for page in async_index.list_namespaces() for item in page.namespaces] == ["empty", "ns"]
    assert (await async_index.describe_namespace(name="ns")).record_count == 3
    await async_index.delete_namespace(name="ns")
    await async_index.upsert(vectors=VECTORS)
    with pytest.raises(pinecone.ConflictError, match="fingerprint"):
        await async_client.indexes.configure("docs", tags={"fingerprint": "m2"})
    await async_client.indexes.delete("docs")
    with pytest.raises(pinecone.NotFoundError):
        await async_index.query(vector=[1, 1, 1], top_k=1)
