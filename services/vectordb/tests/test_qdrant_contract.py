"""The qdrant store keeps the contract, on the engine in Qdrant's client and, where one is named, on a server."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import Store
from askmesh_vectordb.stores.contract import StoreContract
from askmesh_vectordb.stores.qdrant.store import open_store


class TestQdrantStore(StoreContract):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        settings = Settings(
            _env_file=None,
            store="qdrant",
            qdrant_url=os.environ.get("ASKMESH_TEST_QDRANT_URL", ":memory:"),
            qdrant_api_key=os.environ.get("ASKMESH_TEST_QDRANT_API_KEY", ""),
            qdrant_prefix=f"askmesh-test-{uuid4().hex}.",
            data_path=tmp_path,
        )
        store = open_store(settings)
        yield store
        for info in await store.list_indexes():
            await store.configure_index(info.name, deletion_protection=False)
            await store.drop_index(info.name)
        await store.close()
