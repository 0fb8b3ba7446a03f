"""A store as seen with a key that is bound to a namespace, a filter, or both: what lies outside is not there.

The filter goes into every operation of the store behind, so that it holds in the same transaction. Answers and errors
are those of a store that holds nothing else, with one exception: the weights of words in text search are those of the
whole index.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from askmesh_vectordb.filters import Filter, both
from askmesh_vectordb.stores.base import (
    Capabilities,
    IndexInfo,
    Match,
    Metadata,
    NamespaceNotFound,
    OutsideBinding,
    Page,
    Query,
    Record,
    Selection,
    Store,
    Vector,
)


@dataclass(frozen=True, slots=True)
class Binding:
    """None stands for no restriction."""

    namespace: str | None = None
    filter: Filter | None = None


class BoundStore(Store):
    """Closing it closes nothing: the store behind is shared."""

    def __init__(self, store: Store, binding: Binding) -> None:
        self._store, self._namespace, self._filter = store, binding.namespace, binding.filter

    @property
    def capabilities(self) -> Capabilities:
        return self._store.capabilities

    async def ensure_index(self, wanted: IndexInfo) -> bool:
        raise _refused("cannot create, change or drop indexes")

    async def describe_index(self, name: str) -> IndexInfo:
        return await self._store.describe_index(name)

    async def list_indexes(self) -> list[IndexInfo]:
        return await self._store.list_indexes()

    async def configure_index(
        self, name: str, *, tags: Mapping[str, str] | None = None, deletion_protection: bool | None = None
    ) -> IndexInfo:
        raise _refused("cannot create, change or drop indexes")

    async def drop_index(self, name: str) -> None:
        raise _refused("cannot create, change or drop indexes")

    async def upsert(self, index: str, namespace: str, records: Sequence[Record]) -> None:
        self._check_namespace(namespace)
        if self._filter is not None:
            # Neither overwriting a record that it may not see nor refusing to would keep that record to itself.
            raise _refused(
                "is bound by a filter, so it cannot write whole records: an id may be taken out of its sight"
            )
        await self._store.upsert(index, namespace, records)

    async def query(self, index: str, namespace: str, query: Query) -> list[Match]:
        if self._is_outside(namespace):
            await self._store.describe_index(index)
            return []
        if query.id is not None and self._filter is not None:
            known = (await self.fetch(index, namespace, [query.id])).get(query.id)
            if known is None:
                return []
            query = replace(query, id=None, vector=known.values)
        return await self._store.query(index, namespace, replace(query, filter=both(query.filter, self._filter)))

    async def fetch(self, index: str, namespace: str, ids: Sequence[str]) -> dict[str, Record]:
        if self._is_outside(namespace):
            await self._store.describe_index(index)
            return {}
        found = await self._store.fetch(index, namespace, ids)
        if self._filter is None:
            return found
        return {name: record for name, record in found.items() if self._filter.matches(record.metadata)}

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
        self._check_namespace(namespace)
        if self._filter is not None and (bound := self._filter.fields & set(set_metadata or {})):
            raise _refused(f"is bound by a filter on {', '.join(sorted(bound))}, which it cannot change")
        return await self._store.update(
            index,
            namespace,
            self._narrowed(selection),
            values=values,
            set_metadata=set_metadata,
            dry_run=dry_run,
        )

    async def delete(self, index: str, namespace: str, selection: Selection) -> None:
        self._check_namespace(namespace)
        await self._store.delete(index, namespace, self._narrowed(selection))

    async def count(self, index: str, filter: Filter | None = None) -> dict[str, int]:  # noqa: A002
        counts = await self._store.count(index, both(filter, self._filter))
        if self._namespace is not None:
            counts = {name: count for name, count in counts.items() if name == self._namespace}
        # A namespace without a record to see may hold others.
        return counts if self._filter is None else {name: count for name, count in counts.items() if count}

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
        if self._is_outside(namespace):
            await self._store.describe_index(index)
            return Page([])
        return await self._store.scan(
            index,
            namespace,
            limit=limit,
            cursor=cursor,
            prefix=prefix,
            filter=both(filter, self._filter),
            include_values=include_values,
        )

    async def create_namespace(self, index: str, namespace: str) -> None:
        self._check_namespace(namespace)
        if self._filter is not None:
            raise _refused("is bound by a filter, so it cannot create namespaces: one may be there out of its sight")
        await self._store.create_namespace(index, namespace)

    async def drop_namespace(self, index: str, namespace: str) -> None:
        self._check_namespace(namespace)
        if self._filter is None:
            await self._store.drop_namespace(index, namespace)
            return
        if namespace not in await self.count(index):
            raise NamespaceNotFound(f"There is no namespace {namespace!r}.")
        await self.delete(index, namespace, Selection(everything=True))

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
        if self._is_outside(namespace):
            await self._store.describe_index(index)
            return []
        return await self._store.search_text(
            index,
            namespace,
            text,
            top_k=top_k,
            filter=both(filter, self._filter),
            include_metadata=include_metadata,
        )

    def _is_outside(self, namespace: str) -> bool:
        return self._namespace is not None and namespace != self._namespace

    def _check_namespace(self, namespace: str) -> None:
        if self._is_outside(namespace):
            raise _refused("may not write to that namespace")

    def _narrowed(self, selection: Selection) -> Selection:
        if self._filter is None:
            return selection
        return Selection(selection.ids, both(selection.filter, self._filter))


def _refused(why: str) -> OutsideBinding:
    return OutsideBinding(f"This key {why}.", fix="Use a key that is not bound.")
