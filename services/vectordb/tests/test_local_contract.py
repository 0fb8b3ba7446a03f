"""The embedded store keeps the contract."""

import pytest
from askmesh_vectordb.stores.base import Store
from askmesh_vectordb.stores.contract import StoreContract
from askmesh_vectordb.stores.local.store import LocalStore


class TestLocalStore(StoreContract):
    @pytest.fixture
    async def store(self, local: LocalStore) -> Store:
        return local
