"""The qdrant store keeps the contract, on the engine in Qdrant's client."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import IndexInfo, Query, Record, Selection, Store
from askmesh_vectordb.stores.bound import Binding, BoundStore
from askmesh_vectordb.stores.contract import StoreContract, parse, vec
from askmesh_vectordb.stores.qdrant.store import open_store


class TestQdrantStore(StoreContract):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        store = open_store(Settings(_env_file=None, store="qdrant", qdrant_url=":memory:", data_path=tmp_path))
        yield store
        await store.close()


@pytest.mark.anyio
async def test_a_bound_key_sees_and_changes_only_its_part(tmp_path: Path) -> None:
    store = open_store(Settings(_env_file=None, store="qdrant", qdrant_url=":memory:", data_path=tmp_path))
    await store.ensure_index(IndexInfo("docs", 2, "cosine"))
    shown = [Record(f"p{n}", vec(1, n), {"audience": ["public"], "n": n, "text": "walrus"}) for n in range(3)]
    hidden = [Record(f"s{n}", vec(1, n), {"audience": ["staff"], "n": n, "text": "walrus"}) for n in range(30)]
    await store.upsert("docs", "", [*shown, *hidden])
    bound = BoundStore(store, Binding(filter=parse({"audience": "public"})))
    every = ["p0", "p1", "p2"]
    assert sorted(match.id for match in await bound.query("docs", "", Query(20, vec(1, 9)))) == every
    assert await bound.query("docs", "", Query(20, id="s1")) == []
    assert [match.id for match in await bound.search_text("docs", "", "walrus", top_k=20)] == every
    assert [record.id for record in (await bound.scan("docs", "", limit=2)).items] == every[:2]
    assert await bound.count("docs", parse({"n": {"$gte": 1}})) == {"": 2}
    assert await bound.update("docs", "", Selection(filter=parse({"n": {"$lt": 9}})), set_metadata={"seen": True}) == 3
    await bound.delete("docs", "", Selection(everything=True))
    assert await store.count("docs") == {"": 30}
    assert (await store.query("docs", "", Query(1, vec(1, 0), filter=parse({"seen": True})))) == []
    await store.close()
