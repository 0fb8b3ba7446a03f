"""The Pinecone store: every call is one of the SDK's, under the request's deadline. The SDK retries; we do not."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from askmesh_kit import context
from pinecone import AsyncPinecone, RetryConfig
from pinecone import errors as sdk
from pinecone.async_client.async_index import AsyncIndex

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
    ProtectedIndex,
    Query,
    Record,
    Selection,
    Store,
    Vector,
    WrongDimension,
    check_same_index,
    merged_tags,
)
from askmesh_vectordb.stores.companion import Companion
from askmesh_vectordb.stores.pinecone.errors import translated
from askmesh_vectordb.stores.pinecone.shapes import (
    batches_by_size,
    from_wire,
    id_batches,
    index_info,
    numbers,
    to_float32,
    to_wire,
)

_PAGE = 100
_EXAMINED = 2000
"""Ranks of the companion that a filtered text search looks through at most."""
_INDEXED_FIELDS = {"header", "text"}


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

    def __init__(self, client: AsyncPinecone, *, folder: Path, deployment: Mapping[str, str], timeout_s: float) -> None:
        self._client, self._folder, self._deployment = client, folder, dict(deployment)
        self._timeout_s = timeout_s
        self._indexes: dict[str, tuple[IndexInfo, AsyncIndex]] = {}
        self._companions: dict[str, Companion] = {}
        self._opening = asyncio.Lock()

    async def ensure_index(self, wanted: IndexInfo) -> bool:
        try:
            with translated(wanted.name, writes=True):
                await self._client.indexes.create(
                    name=wanted.name,
                    schema={
                        "fields": {
                            "_values": {
                                "type": "dense_vector",
                                "dimension": wanted.dimension,
                                "metric": wanted.metric,
                            }
                        }
                    },
                    deployment=self._deployment,
                    deletion_protection="enabled" if wanted.deletion_protection else "disabled",
                    tags=dict(wanted.tags) or None,
                    timeout=int(context.time_left(self._timeout_s)) or 1,
                )
        except sdk.ConflictError:
            check_same_index(await self.describe_index(wanted.name), wanted)
            return False
        return True

    async def describe_index(self, name: str) -> IndexInfo:
        with translated(name):
            return index_info(await self._client.indexes.describe(name))

    async def list_indexes(self) -> list[IndexInfo]:
        with translated(""):
            models = [model async for model in self._client.indexes.list()]
        return sorted((index_info(model) for model in models), key=lambda info: info.name)

    async def configure_index(
        self, name: str, *, tags: Mapping[str, str] | None = None, deletion_protection: bool | None = None
    ) -> IndexInfo:
        records = sum((await self.count(name)).values())
        merged_tags(await self.describe_index(name), tags or {}, records)
        protect = None if deletion_protection is None else ("enabled" if deletion_protection else "disabled")
        if tags or protect:
            with translated(name, writes=True):
                await self._client.indexes.configure(name, tags=tags or None, deletion_protection=protect)
        return await self.describe_index(name)

    async def drop_index(self, name: str) -> None:
        if (await self.describe_index(name)).deletion_protection:
            raise ProtectedIndex(f"The index {name!r} is protected.", fix="Set deletion_protection to disabled.")
        with translated(name, writes=True):
            await self._client.indexes.delete(name, timeout=int(context.time_left(self._timeout_s)) or 1)
        await self._forget(name)
        await self._companion(name).close(remove=True)
        del self._companions[name]

    async def upsert(self, index: str, namespace: str, records: Sequence[Record]) -> None:
        client = await self._open(index, *(record.values for record in records))
        latest = {record.id: record for record in records}
        companion = self._companion(index)
        await companion.expect(namespace, list(latest))
        for batch in batches_by_size([to_wire(record) for record in latest.values()]):
            with translated(index, writes=True):
                await client.upsert(vectors=batch, namespace=namespace, timeout=self._time())
        await companion.take_in(namespace, {name: record.metadata for name, record in latest.items()})

    async def query(self, index: str, namespace: str, query: Query) -> list[Match]:
        client = await self._open(index, query.vector)
        with translated(index):
            answer = await client.query(
                top_k=query.top_k,
                vector=None if query.vector is None else numbers(query.vector),
                id=query.id,
                namespace=namespace,
                filter=query.filter.json if query.filter else None,
                include_values=query.include_values,
                include_metadata=query.include_metadata,
                timeout=self._time(),
            )
        # Pinecone's Euclidean score is the squared distance.
        sign = -1.0 if self._indexes[index][0].metric == "euclidean" else 1.0
        matches = [
            Match(
                match.id,
                sign * match.score,
                to_float32(match.values) if query.include_values else None,
                dict(match.metadata or {}) if query.include_metadata else None,
            )
            for match in answer.matches
        ]
        return sorted(matches, key=lambda match: (-match.score, match.id))

    async def fetch(self, index: str, namespace: str, ids: Sequence[str]) -> dict[str, Record]:
        client = await self._open(index)
        found: dict[str, Record] = {}
        for batch in id_batches(ids):
            with translated(index):
                answer = await client.fetch(ids=batch, namespace=namespace, timeout=self._time())
            found |= {name: from_wire(vector) for name, vector in answer.vectors.items()}
        return found

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
        client = await self._open(index, values)
        if selection.ids is not None and dry_run:
            return len(await self.fetch(index, namespace, selection.ids))
        # Only a change of the indexed text concerns the companion.
        retext = not dry_run and bool(_INDEXED_FIELDS & set(set_metadata or {}))
        touched = await self._ids(index, namespace, selection) if retext else []
        await self._companion(index).expect(namespace, touched)
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
                    timeout=self._time(),
                )
            matched += 1 if answer.matched_records is None else answer.matched_records
        await self._catch_up(index, namespace, touched)
        return matched

    async def delete(self, index: str, namespace: str, selection: Selection) -> None:
        client = await self._open(index)
        companion = self._companion(index)
        gone = [] if selection.everything else await self._ids(index, namespace, selection)
        with translated(index, writes=True):
            if selection.ids is not None:
                await client.delete(ids=list(selection.ids), namespace=namespace, timeout=self._time())
            elif selection.filter is not None:
                await client.delete(filter=selection.filter.json, namespace=namespace, timeout=self._time())
            else:
                await client.delete(delete_all=True, namespace=namespace, timeout=self._time())
        if selection.everything:
            await companion.clear(namespace)
        await companion.take_in(namespace, dict.fromkeys(gone))

    async def count(self, index: str, filter: Filter | None = None) -> dict[str, int]:  # noqa: A002
        client = await self._open(index)
        with translated(index):
            stats = await client.describe_index_stats(timeout=self._time())
            counts = {
                "" if name == "__default__" else name: item.vector_count for name, item in stats.namespaces.items()
            }
            if filter is None:
                return counts
            # Serverless stats take no filter; a dry run of an update counts without changing anything.
            for name in counts:
                answer = await client.update(
                    filter=filter.json, set_metadata={"counted": True}, namespace=name, dry_run=True
                )
                counts[name] = answer.matched_records or 0
        return counts

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
        client = await self._open(index)
        if filter is not None:
            with translated(index):
                page = await client.fetch_by_metadata(
                    filter=filter.json, namespace=namespace, limit=limit, pagination_token=cursor, timeout=self._time()
                )
            found = sorted((from_wire(vector) for vector in page.vectors.values()), key=lambda record: record.id)
            return Page([record for record in found if record.id.startswith(prefix)], _next(page))
        ids: list[str] = []
        while True:
            with translated(index):
                listed = await client.list_paginated(
                    prefix=prefix or None,
                    limit=min(_PAGE, limit - len(ids)),
                    pagination_token=cursor,
                    namespace=namespace,
                    timeout=self._time(),
                )
            ids += [item.id for item in listed.vectors if item.id]
            cursor = _next(listed)
            if cursor is None or len(ids) >= limit:
                break
        if not include_values:
            return Page([Record(name, None) for name in ids], cursor)
        records = await self.fetch(index, namespace, ids)
        return Page([records[name] for name in ids if name in records], cursor)

    async def create_namespace(self, index: str, namespace: str) -> None:
        client = await self._open(index)
        try:
            with translated(index, writes=True):
                await client.create_namespace(name=namespace)
        except sdk.ConflictError as error:
            raise AlreadyExists(f"The namespace {namespace!r} exists already.") from error

    async def drop_namespace(self, index: str, namespace: str) -> None:
        client = await self._open(index)
        if namespace not in await self.count(index):
            raise NamespaceNotFound(f"There is no namespace {namespace!r}.")
        with translated(index, writes=True):
            await client.delete_namespace(name=namespace or "__default__", timeout=self._time())
        await self._companion(index).clear(namespace)

    async def search_text(
        self,
        index: str,
        namespace: str,
        text: str,
        *,
        top_k: int,
        filter: Filter | None = None,  # noqa: A002
    ) -> list[Match]:
        await self._open(index)
        companion = self._companion(index)
        # Goes on when this request gives up waiting, so that a large index is ready for a later one.
        await asyncio.shield(asyncio.ensure_future(companion.build(lambda: self._everything(index))))
        for other, name in await companion.pending():
            await self._catch_up(index, other, [name])
        ranked = await companion.search(namespace, text, max(_EXAMINED, top_k))
        matches: list[Match] = []
        for start in range(0, len(ranked), _PAGE):
            part = ranked[start : start + _PAGE]
            records = await self.fetch(index, namespace, [name for name, _ in part])
            await companion.take_in(namespace, {name: None for name, _ in part if name not in records})
            for name, score in part:
                record = records.get(name)
                if record and (filter is None or filter.matches(record.metadata)):
                    matches.append(Match(name, score, None, record.metadata))
            if len(matches) >= top_k:
                break
        return matches[:top_k]

    async def check(self) -> str | None:
        await self.list_indexes()
        return None

    async def close(self) -> None:
        for companion in self._companions.values():
            await companion.close()
        for _, client in self._indexes.values():
            await client.close()
        await self._client.close()

    async def _open(self, name: str, *vectors: Vector | None) -> AsyncIndex:
        """The client of an index whose dimension these vectors have. Raises IndexNotFound, WrongDimension."""
        async with self._opening:
            if name not in self._indexes:
                with translated(name):
                    model = await self._client.indexes.describe(name)
                    self._indexes[name] = index_info(model), await self._client.index(host=model.host or "")
            info, client = self._indexes[name]
        for vector in vectors:
            if vector is not None and len(vector) != info.dimension:
                # It may have been made anew since.
                await self._forget(name)
                if (await self.describe_index(name)).dimension != len(vector):
                    raise WrongDimension(len(vector), info.dimension)
                return await self._open(name)
        return client

    async def _forget(self, name: str) -> None:
        if known := self._indexes.pop(name, None):
            await known[1].close()

    def _translated(self, index: str, *, writes: bool = False) -> Any:
        return translated(index, writes=writes)

    def _time(self) -> float:
        return context.time_left(self._timeout_s)

    def _companion(self, index: str) -> Companion:
        if index not in self._companions:
            self._companions[index] = Companion(self._folder / f"{index}.lexical.sqlite3")
        return self._companions[index]

    async def _everything(self, index: str) -> AsyncIterator[tuple[str, Sequence[Record]]]:
        for namespace in await self.count(index):
            cursor: str | None = None
            while True:
                page = await self.scan(index, namespace, limit=_PAGE, cursor=cursor)
                yield namespace, page.items
                cursor = page.cursor
                if cursor is None:
                    break

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

    async def _catch_up(self, index: str, namespace: str, ids: Sequence[str]) -> None:
        """Index what the store holds for these ids now."""
        if not ids:
            return
        records = await self.fetch(index, namespace, ids)
        texts = {name: records[name].metadata if name in records else None for name in ids}
        await self._companion(index).take_in(namespace, texts)


def open_store(settings: Settings) -> PineconeStore:
    key = settings.pinecone_api_key.get_secret_value()
    if not key:
        raise SystemExit("the pinecone store needs a key: set ASKMESH_VECTORDB_PINECONE_API_KEY")
    client = AsyncPinecone(
        api_key=key,
        host=settings.pinecone_host,
        timeout=settings.pinecone_timeout_s,
        retry_config=RetryConfig(max_retries=2, max_wait=2.0),
    )
    deployment = {
        "deployment_type": "managed",
        "cloud": settings.pinecone_cloud,
        "region": settings.pinecone_region,
    }
    return PineconeStore(
        client, folder=settings.data_path, deployment=deployment, timeout_s=settings.pinecone_timeout_s
    )


def _next(page: Any) -> str | None:
    return page.pagination.next if page.pagination else None
