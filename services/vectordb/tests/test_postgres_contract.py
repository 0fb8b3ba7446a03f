"""The PostgreSQL store keeps the contract, against a real server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from askmesh_vectordb.stores.base import Store
from askmesh_vectordb.stores.contract import StoreContract
from askmesh_vectordb.stores.postgres.store import PostgresStore


class TestPostgresStore(StoreContract):
    @pytest.fixture
    async def store(self, postgres_url: str, tmp_path: Path) -> AsyncIterator[Store]:
        store = PostgresStore(postgres_url, folder=tmp_path, schema="askmesh_test")
        yield store
        for info in await store.list_indexes():
            await store.configure_index(info.name, deletion_protection=False)
            await store.drop_index(info.name)
        await store.close()
