"""The qdrant store keeps the contract, on the engine in Qdrant's client."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import Store
from askmesh_vectordb.stores.contract import StoreContract
from askmesh_vectordb.stores.qdrant.store import open_store


class TestQdrantStore(StoreContract):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        store = open_store(Settings(_env_file=None, store="qdrant", qdrant_url=":memory:", data_path=tmp_path))
        yield store
        await store.close()
