"""The SDK's clients: one for the control plane, one for each index, opened on first use."""

import asyncio

from askmesh_kit import context
from pinecone import AsyncPinecone, RetryConfig
from pinecone.async_client.async_index import AsyncIndex

from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import IndexInfo, Metric, Vector, WrongDimension
from askmesh_vectordb.stores.pinecone.errors import translated
from askmesh_vectordb.stores.pinecone.shapes import index_info


class Connections:
    """Safe to use from many tasks."""

    def __init__(self, control: AsyncPinecone, timeout_s: float) -> None:
        self.control = control
        self._timeout_s = timeout_s
        self._indexes: dict[str, tuple[IndexInfo, AsyncIndex]] = {}
        self._opening = asyncio.Lock()

    async def describe(self, name: str) -> IndexInfo:
        with translated(name):
            return index_info(await self.control.indexes.describe(name))

    async def open(self, name: str, *vectors: Vector | None) -> AsyncIndex:
        """The client of an index whose dimension these vectors have. Raises IndexNotFound, WrongDimension."""
        async with self._opening:
            if name not in self._indexes:
                with translated(name):
                    model = await self.control.indexes.describe(name)
                    self._indexes[name] = index_info(model), await self.control.index(host=model.host or "")
            info, client = self._indexes[name]
        for vector in vectors:
            if vector is not None and len(vector) != info.dimension:
                # It may have been made anew since.
                await self.forget(name)
                if (await self.describe(name)).dimension != len(vector):
                    raise WrongDimension(len(vector), info.dimension)
                return await self.open(name)
        return client

    def metric(self, name: str) -> Metric:
        """Of an index that is open."""
        return self._indexes[name][0].metric

    async def forget(self, name: str) -> None:
        if known := self._indexes.pop(name, None):
            await known[1].close()

    def time_left(self) -> float:
        """Seconds that one request to Pinecone may take now."""
        return context.time_left(self._timeout_s)

    async def close(self) -> None:
        for _, client in self._indexes.values():
            await client.close()
        await self.control.close()


def control_client(settings: Settings) -> AsyncPinecone:
    """The SDK as the settings say. Raises SystemExit, with the remedy, where they name no key."""
    key = settings.pinecone_api_key.get_secret_value()
    if not key:
        raise SystemExit("the pinecone store needs a key: set ASKMESH_VECTORDB_PINECONE_API_KEY")
    return AsyncPinecone(
        api_key=key,
        host=settings.pinecone_host,
        timeout=settings.pinecone_timeout_s,
        # Of the control plane; an index's client makes four attempts, whatever is said here.
        retry_config=RetryConfig(max_retries=2, max_wait=2.0),
    )
