"""The Pinecone store keeps the contract, against a second instance of this service: the mesh is its own Pinecone."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores import open_store
from askmesh_vectordb.stores.base import Store
from askmesh_vectordb.stores.contract import StoreContract

from .conftest import serving


@pytest.fixture(scope="module")
def pinecone_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One instance for all tests of this file; each leaves it without indexes."""
    folder = tmp_path_factory.mktemp("pinecone")
    with serving(Settings(_env_file=None, data_path=folder, log_level="error")) as url:
        yield url


class TestPineconeStore(StoreContract):
    @pytest.fixture
    async def store(self, pinecone_url: str, tmp_path: Path) -> AsyncIterator[Store]:
        settings = Settings(
            _env_file=None,
            store="pinecone",
            pinecone_host=pinecone_url,
            pinecone_api_key="any",
            data_path=tmp_path,
        )
        store = open_store(settings)
        yield store
        for info in await store.list_indexes():
            await store.configure_index(info.name, deletion_protection=False)
            await store.drop_index(info.name)
        await store.close()
