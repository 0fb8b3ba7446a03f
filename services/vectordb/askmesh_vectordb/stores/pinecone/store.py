"""The Pinecone store: every call is one of the SDK's, under the request's deadline. The SDK retries; we do not."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pinecone import AsyncPinecone
from pinecone import errors as sdk

from askmesh_vectordb.filters import Filter
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import (
    AlreadyExists,
    Capabilities,
    IndexInfo,
    Match,
    Metadata,
    NamespaceNotFound,
    Page,
    Query,
    Record,
    Selection,
    Store,
    Vector,
)
from askmesh_vectordb.stores.companions import Companions
from askmesh_vectordb.stores.pinecone import reads
from askmesh_vectordb.stores.pinecone.connections import Connections, control_client
from askmesh_vectordb.stores.pinecone.control_plane import ControlPlane
from askmesh_vectordb.stores.pinecone.errors import translated
from askmesh_vectordb.stores.pinecone.shapes import batches_by_size, numbers, to_wire

_PAGE = 100


class PineconeStore(Store):
    """Indexes at Pinecone, or at a service that speaks its API; the lexical index is a companion file beside them."""

    capabilities = Capabilities(
        store="pinecone",
        durable_writes=True,
        read_your_writes=False,
        atomic_requests=False,
        lexical="companion",
        search="native",
    )

    def __init__(
        self,
        client: AsyncPinecone,
        *,
        folder: Path,
        deployment: Mapping[str, str],
        timeout_s: float,
        lag_s: float,
    ) -> None:
        self._connections = Connections(client, timeout_s)
        self._control = ControlPlane(self._connections, deployment)
        self._companions = Companions(self, folder, lag_s)

    async def ensure_index(self, wanted: IndexInfo) -> bool:
        return await self._control.ensure(wanted)

    async def describe_index(self, name: str) -> IndexInfo:
        return await self._connections.describe(name)

    async def list_indexes(self) -> list[IndexInfo]:
        return await self._control.list()

    async def configure_index(
        self, name: str, *, tags: Mapping[str, str] | None = None, deletion_protection: bool | None = None
    ) -> IndexInfo:
        records = sum((await self.count(name)).values())
        return await self._control.configure(name, records, tags, deletion_protection)

    async def drop_index(self, name: str) -> None:
        await self._control.drop(name)
        await self._companions.drop(name)

    async def upsert(self, index: str, namespace: str, records: Sequence[Record]) -> None:
        client = await self._connections.open(index, *(record.values for record in records))
        latest = {record.id: record for record in records}
        companion = self._companions.of(index)
        tickets = await companion.expect(namespace, latest)
        for batch in batches_by_size([to_wire(record) for record in latest.values()]):
            with translated(index, writes=True):
                await client.upsert(vectors=batch, namespace=namespace, timeout=self._connections.time_left())
        await companion.take_in(namespace, {name: record.metadata for name, record in latest.items()}, tickets)

    async def query(self, index: str, namespace: str, query: Query) -> list[Match]:
        client = await self._connections.open(index, query.vector)
        matches = await reads.query(client, index, namespace, query, self._connections.time_left)
        # Pinecone's Euclidean score is the squared distance.
        sign = -1.0 if self._connections.metric(index) == "euclidean" else 1.0
        signed = [Match(match.id, sign * match.score, match.values, match.metadata) for match in matches]
        return sorted(signed, key=lambda match: (-match.score, match.id))

    async def fetch(self, index: str, namespace: str, ids: Sequence[str]) -> dict[str, Record]:
        client = await self._connections.open(index)
        return await reads.fetch(client, index, namespace, ids, self._connections.time_left)

    async def update(
        self,
        index: str,
        namespace: str,
        selection: Selection,
        *,
        values: Vector | None = None,
        set_metadata: Metadata | None = None,
        dry_run: bool = False,
    ) -> int:
        client = await self._connections.open(index, values)
        selection = await self._one_condition(index, namespace, selection)
        # Pinecone refuses an update that changes nothing.
        idle = values is None and not set_metadata
        if selection.ids is not None and (dry_run or idle):
            return len(await self.fetch(index, namespace, selection.ids))
        if idle:
            return len(await self._ids(index, namespace, selection))
        # Only a change of the indexed text concerns the companion.
        retext = not dry_run and self._companions.concerned(set_metadata)
        touched = await self._ids(index, namespace, selection) if retext else []
        tickets = await self._companions.of(index).expect(namespace, touched)
        matched = 0
        targets: list[dict[str, Any]] = (
            [{"id": name} for name in selection.ids]
            if selection.ids is not None
            else [{"filter": selection.filter.json if selection.filter else {}}]
        )
        for target in targets:
            with translated(index, writes=True):
                answer = await client.update(
                    **target,
                    values=None if values is None else numbers(values),
                    set_metadata=set_metadata or None,
                    namespace=namespace,
                    dry_run=dry_run,
                    timeout=self._connections.time_left(),
                )
            matched += 1 if answer.matched_records is None else answer.matched_records
        await self._companions.catch_up(index, namespace, tickets, set_metadata)
        return matched

    async def delete(self, index: str, namespace: str, selection: Selection) -> None:
        client = await self._connections.open(index)
        selection = await self._one_condition(index, namespace, selection)
        if selection.ids is not None and not selection.ids:
            return
        companion = self._companions.of(index)
        gone = [] if selection.everything else await self._ids(index, namespace, selection)
        tickets = await companion.expect(namespace, gone)
        time_left = self._connections.time_left()
        with translated(index, writes=True):
            if selection.ids is not None:
                await client.delete(ids=list(selection.ids), namespace=namespace, timeout=time_left)
            elif selection.filter is not None:
                await client.delete(filter=selection.filter.json, namespace=namespace, timeout=time_left)
            else:
                await client.delete(delete_all=True, namespace=namespace, timeout=time_left)
        if selection.everything:
            await companion.clear(namespace)
        await companion.take_in(namespace, dict.fromkeys(gone), tickets)

    async def count(self, index: str, filter: Filter | None = None) -> dict[str, int]:  # noqa: A002
        client = await self._connections.open(index)
        return await reads.count(client, index, filter, self._connections.time_left)

    async def scan(
        self,
        index: str,
        namespace: str,
        *,
        limit: int,
        cursor: str | None = None,
        prefix: str = "",
        filter: Filter | None = None,  # noqa: A002
        include_values: bool = True,
    ) -> Page[Record]:
        client = await self._connections.open(index)
        time_left = self._connections.time_left
        if filter is not None:
            page = await reads.scan_filtered(client, index, namespace, filter, limit, cursor, time_left)
            return Page([record for record in page.items if record.id.startswith(prefix)], page.cursor)
        listed = await reads.list_ids(client, index, namespace, prefix, limit, cursor, time_left)
        if not include_values:
            return Page([Record(name, None) for name in listed.items], listed.cursor)
        records = await self.fetch(index, namespace, listed.items)
        return Page([records[name] for name in listed.items if name in records], listed.cursor)

    async def create_namespace(self, index: str, namespace: str) -> None:
        client = await self._connections.open(index)
        try:
            with translated(index, writes=True):
                await client.create_namespace(name=namespace)
        except sdk.ConflictError as error:
            raise AlreadyExists(f"The namespace {namespace!r} exists already.") from error

    async def drop_namespace(self, index: str, namespace: str) -> None:
        client = await self._connections.open(index)
        if namespace not in await self.count(index):
            raise NamespaceNotFound(f"There is no namespace {namespace!r}.")
        with translated(index, writes=True):
            await client.delete_namespace(name=namespace or "__default__", timeout=self._connections.time_left())
        await self._companions.of(index).clear(namespace)

    async def search_text(
        self,
        index: str,
        namespace: str,
        text: str,
        *,
        top_k: int,
        filter: Filter | None = None,  # noqa: A002
        include_metadata: bool = True,
    ) -> list[Match]:
        # The metadata is read in any case, to see that the record is still there.
        await self._connections.open(index)
        return await self._companions.search(index, namespace, text, top_k, filter)

    async def check(self) -> str | None:
        await self.list_indexes()
        return None

    async def close(self) -> None:
        await self._companions.close()
        await self._connections.close()

    async def _one_condition(self, index: str, namespace: str, selection: Selection) -> Selection:
        """Pinecone takes ids or a filter, so the ids that satisfy the filter are looked up."""
        if selection.ids is None or selection.filter is None:
            return selection
        records = await self.fetch(index, namespace, selection.ids)
        return Selection([name for name, record in records.items() if selection.filter.matches(record.metadata)])

    async def _ids(self, index: str, namespace: str, selection: Selection) -> list[str]:
        if selection.filter is None:
            return list(selection.ids or [])
        ids: list[str] = []
        cursor: str | None = None
        while True:
            page = await self.scan(index, namespace, limit=_PAGE, cursor=cursor, filter=selection.filter)
            ids += [record.id for record in page.items]
            cursor = page.cursor
            if cursor is None:
                return ids


def open_store(settings: Settings) -> PineconeStore:
    deployment = {
        "deployment_type": "managed",
        "cloud": settings.pinecone_cloud,
        "region": settings.pinecone_region,
    }
    return PineconeStore(
        control_client(settings),
        folder=settings.data_path,
        deployment=deployment,
        timeout_s=settings.pinecone_timeout_s,
        lag_s=settings.pinecone_lag_s,
    )
