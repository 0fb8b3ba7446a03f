"""The Pinecone store keeps the contract, against a second instance of this service: the mesh is its own Pinecone."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores import open_store
from askmesh_vectordb.stores.base import Store
from askmesh_vectordb.stores.contract import StoreContract


class TestPineconeStore(StoreContract):
    @pytest.fixture
    async def store(self, pinecone_settings: Callable[[Path], Settings], tmp_path: Path) -> AsyncIterator[Store]:
        store = open_store(pinecone_settings(tmp_path))
        # What is found here the tests would drop with their own.
        assert not await store.list_indexes(), "ASKMESH_TEST_PINECONE_API_KEY must be of a project without indexes"
        yield store
        for info in await store.list_indexes():
            await store.configure_index(info.name, deletion_protection=False)
            await store.drop_index(info.name)
        await store.close()
