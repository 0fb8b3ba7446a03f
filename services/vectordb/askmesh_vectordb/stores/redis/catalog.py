"""Which indexes there are: a hash of names, each with what the index is as JSON."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

from askmesh_vectordb.stores.base import (
    FINGERPRINT,
    IndexInfo,
    IndexNotFound,
    ProtectedIndex,
    StoreOverloaded,
    check_same_index,
    merged_tags,
)
from askmesh_vectordb.stores.redis import scripts
from askmesh_vectordb.stores.redis.client import Server
from askmesh_vectordb.stores.redis.errors import Conflict
from askmesh_vectordb.stores.redis.keys import Index

_ATTEMPTS = 10


class Catalog:
    """`prefix` begins every key."""

    def __init__(self, server: Server, prefix: str) -> None:
        self._server, self._prefix = server, prefix
        self._key, self._removing = f"{prefix}:indexes", f"{prefix}:removing"

    async def create(self, wanted: IndexInfo) -> bool:
        """True if it is new. Raises IndexMismatch if it exists and differs."""
        index = Index(self._prefix, f"{wanted.name}-{secrets.token_hex(6)}", wanted)
        # An older Redis says here that it has no vector sets, before there is anything to find.
        await self._server.ask("VCARD", index.space("").vectors)
        held = await self._server.script(
            scripts.CREATE_INDEX, [self._key, index.live, index.log], [wanted.name, _described(index, wanted)]
        )
        if held is not None:
            check_same_index(self._index(wanted.name, held).info, wanted)
        return held is None

    async def find(self, name: str) -> Index:
        """Raises IndexNotFound."""
        return self._index(name, await self._held(name))

    async def every(self) -> list[IndexInfo]:
        held = await self._server.ask("HGETALL", self._key)
        found = [self._index(name.decode(), text).info for name, text in held.items()]
        return sorted(found, key=lambda info: info.name)

    async def configure(
        self, name: str, records: int, tags: Mapping[str, str] | None, deletion_protection: bool | None
    ) -> IndexInfo:
        """`records`: how many the index holds, where the tags name a fingerprint."""
        for _ in range(_ATTEMPTS):
            held = await self._held(name)
            index = self._index(name, held)
            protected = index.info.deletion_protection if deletion_protection is None else deletion_protection
            changed = IndexInfo(
                name, index.info.dimension, index.info.metric, merged_tags(index.info, tags or {}, records), protected
            )
            try:
                await self._change(index, held, _described(index, changed))
            except Conflict:
                continue
            return changed
        raise StoreOverloaded("Others keep changing this index.", fix="Try again.", retry_after=1)

    async def drop(self, name: str) -> Index:
        """Forget the index at once; `remove_dropped` takes its keys away."""
        for _ in range(_ATTEMPTS):
            held = await self._held(name)
            index = self._index(name, held)
            if index.info.deletion_protection:
                raise ProtectedIndex(f"The index {name!r} is protected.", fix="Set deletion_protection to disabled.")
            try:
                await self._change(index, held, b"")
            except Conflict:
                continue
            return index
        raise StoreOverloaded("Others keep changing this index.", fix="Try again.", retry_after=1)

    async def remove_dropped(self) -> None:
        """Take away the keys of dropped indexes, also of those that a process left when it died."""
        for uid in await self._server.ask("SMEMBERS", self._removing):
            index = Index(self._prefix, uid.decode(), IndexInfo("", 1, "cosine"))
            for name in await self._server.ask("HKEYS", index.namespaces):
                await self._server.ask("UNLINK", *index.space(name.decode()).all)
            await self._server.ask("UNLINK", index.namespaces, index.log)
            await self._server.ask("SREM", self._removing, uid)

    async def _held(self, name: str) -> bytes:
        held: bytes | None = await self._server.ask("HGET", self._key, name)
        if held is None:
            raise IndexNotFound(name)
        return held

    async def _change(self, index: Index, held: bytes, changed: bytes | str) -> None:
        await self._server.script(
            scripts.CHANGE_INDEX,
            [self._key, index.live, self._removing],
            [index.info.name, held, changed, index.uid],
        )

    def _index(self, name: str, held: bytes) -> Index:
        said: dict[str, Any] = json.loads(held)
        info = IndexInfo(name, said["dimension"], said["metric"], said["tags"], said["deletion_protection"])
        return Index(self._prefix, said["uid"], info)


def _described(index: Index, info: IndexInfo) -> str:
    return json.dumps(
        {
            "version": 1,
            "uid": index.uid,
            "dimension": info.dimension,
            "metric": info.metric,
            "tags": dict(info.tags),
            "deletion_protection": info.deletion_protection,
        }
    )


def needs_count(tags: Mapping[str, str] | None) -> bool:
    return FINGERPRINT in (tags or {})
