"""The chroma store keeps the contract, on a real server: one that is started here, or the one that is named."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import Store
from askmesh_vectordb.stores.chroma.store import open_store
from askmesh_vectordb.stores.contract import StoreContract


class TestChromaStore(StoreContract):
    @pytest.fixture
    async def store(self, chroma_url: str, tmp_path: Path) -> AsyncIterator[Store]:
        store = open_store(Settings(_env_file=None, store="chroma", chroma_url=chroma_url, data_path=tmp_path))
        yield store
        for info in await store.list_indexes():
            await store.configure_index(info.name, deletion_protection=False)
            await store.drop_index(info.name)
        await store.close()
