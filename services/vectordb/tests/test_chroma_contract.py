"""The chroma store keeps the contract, on a real server: one that is started here, or the one that is named."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import Store
from askmesh_vectordb.stores.chroma.store import open_store
from askmesh_vectordb.stores.contract import StoreContract

from .servers.chroma import chroma_server


@pytest.fixture(scope="session")
def chroma_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if url := os.environ.get("ASKMESH_TEST_CHROMA_URL"):
        yield url
        return
    with chroma_server(tmp_path_factory.mktemp("chroma") / "data") as server:
        yield server.url


class TestChromaStore(StoreContract):
    @pytest.fixture
    async def store(self, chroma_url: str, tmp_path: Path) -> AsyncIterator[Store]:
        store = open_store(Settings(_env_file=None, store="chroma", chroma_url=chroma_url, data_path=tmp_path))
        yield store
        for info in await store.list_indexes():
            await store.configure_index(info.name, deletion_protection=False)
            await store.drop_index(info.name)
        await store.close()
