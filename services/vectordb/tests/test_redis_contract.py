"""The Redis store keeps the contract, against a real server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from askmesh_vectordb.stores.base import Store
from askmesh_vectordb.stores.contract import StoreContract
from askmesh_vectordb.stores.redis.store import RedisStore


class TestRedisStore(StoreContract):
    # With a limit of 0 the vector set answers over these few vectors too.
    @pytest.fixture(params=[1000, 0], ids=["exact", "vector set"])
    async def store(self, redis_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Store]:
        store = RedisStore(redis_url, folder=tmp_path, prefix="askmesh-test", exact_limit=request.param)
        yield store
        for info in await store.list_indexes():
            await store.configure_index(info.name, deletion_protection=False)
            await store.drop_index(info.name)
        await store.close()
