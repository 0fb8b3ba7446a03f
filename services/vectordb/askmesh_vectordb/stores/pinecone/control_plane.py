"""Creating, describing, configuring and dropping indexes."""

from collections.abc import Mapping

from pinecone import errors as sdk

from askmesh_vectordb.stores.base import IndexInfo, ProtectedIndex, check_same_index, merged_tags
from askmesh_vectordb.stores.pinecone.connections import Connections
from askmesh_vectordb.stores.pinecone.errors import translated
from askmesh_vectordb.stores.pinecone.shapes import index_info


class ControlPlane:
    """`deployment` says where new indexes are created."""

    def __init__(self, connections: Connections, deployment: Mapping[str, str]) -> None:
        self._connections, self._deployment = connections, dict(deployment)
        self._indexes = connections.control.indexes

    async def ensure(self, wanted: IndexInfo) -> bool:
        dense = {"type": "dense_vector", "dimension": wanted.dimension, "metric": wanted.metric}
        try:
            with translated(wanted.name, writes=True):
                await self._indexes.create(
                    name=wanted.name,
                    schema={"fields": {"_values": dense}},
                    deployment=self._deployment,
                    deletion_protection="enabled" if wanted.deletion_protection else "disabled",
                    tags=dict(wanted.tags) or None,
                    timeout=self._whole_seconds(),
                )
        except sdk.ConflictError:
            check_same_index(await self._connections.describe(wanted.name), wanted)
            return False
        return True

    async def list(self) -> list[IndexInfo]:
        with translated(""):
            models = [model async for model in self._indexes.list()]
        return sorted((index_info(model) for model in models), key=lambda info: info.name)

    async def configure(
        self, name: str, records: int, tags: Mapping[str, str] | None, deletion_protection: bool | None
    ) -> IndexInfo:
        """`records`: how many the index holds now."""
        merged_tags(await self._connections.describe(name), tags or {}, records)
        protect = None if deletion_protection is None else ("enabled" if deletion_protection else "disabled")
        if tags or protect:
            with translated(name, writes=True):
                await self._indexes.configure(name, tags=tags or None, deletion_protection=protect)
        return await self._connections.describe(name)

    async def drop(self, name: str) -> None:
        if (await self._connections.describe(name)).deletion_protection:
            raise ProtectedIndex(f"The index {name!r} is protected.", fix="Set deletion_protection to disabled.")
        with translated(name, writes=True):
            await self._indexes.delete(name, timeout=self._whole_seconds())
        await self._connections.forget(name)

    def _whole_seconds(self) -> int:
        return int(self._connections.time_left()) or 1
