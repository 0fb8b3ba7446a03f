"""Chroma's HTTP API, version 2, as far as it is needed. Its own client has no time limits, so it is spoken here.

The routes and bodies are those of the server's `/openapi.json`.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx2
from askmesh_kit import context

from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import (
    OutcomeUnknown,
    StorageFull,
    StoreOverloaded,
    StoreRefused,
    StoreRefusesKey,
    StoreUnavailable,
)

_START = "Check ASKMESH_VECTORDB_CHROMA_URL and that Chroma runs there; then try again."
_PAGE = 1000


class Missing(Exception):
    """Chroma has no such collection."""


class Exists(Exception):
    """Chroma has a collection of that name."""


class ChromaApi:
    """Raises Missing, Exists and StoreError."""

    def __init__(self, settings: Settings) -> None:
        token = settings.chroma_token.get_secret_value()
        self._timeout_s = settings.chroma_timeout_s
        self._database = f"/tenants/{settings.chroma_tenant}/databases/{settings.chroma_database}"
        self._client = httpx2.AsyncClient(
            base_url=settings.chroma_url.rstrip("/") + "/api/v2",
            # Chroma Cloud reads the first, proxies before a server of one's own the second.
            headers={"X-Chroma-Token": token, "Authorization": f"Bearer {token}"} if token else {},
            timeout=None,
        )
        self._most: int | None = None

    async def most_records(self) -> int:
        """How many records one request may write."""
        if self._most is None:
            self._most = int((await self._call("GET", "/pre-flight-checks"))["max_batch_size"])
        return self._most

    async def collections(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = await self._call("GET", f"{self._database}/collections?limit={_PAGE}&offset={len(found)}")
            found += page
            if len(page) < _PAGE:
                return found

    async def collection(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = await self._call("GET", f"{self._database}/collections/{name}")
        return found

    async def create(self, name: str, space: str, metadata: dict[str, Any], *, or_get: bool = False) -> dict[str, Any]:
        body = {
            "name": name,
            "metadata": metadata,
            "configuration": {"hnsw": {"space": space}},
            "get_or_create": or_get,
        }
        made: dict[str, Any] = await self._call("POST", f"{self._database}/collections", body, writes=True)
        return made

    async def configure(self, key: str, metadata: dict[str, Any]) -> None:
        body = {"new_metadata": metadata}
        await self._call("PUT", f"{self._database}/collections/{key}", body, writes=True)

    async def drop(self, name: str) -> None:
        await self._call("DELETE", f"{self._database}/collections/{name}", writes=True)

    async def upsert(self, key: str, ids: Sequence[str], embeddings: list[str], metadatas: list[Any]) -> None:
        body = {"ids": ids, "embeddings": embeddings, "metadatas": metadatas}
        await self._call("POST", f"{self._database}/collections/{key}/upsert", body, writes=True)

    async def delete(self, key: str, ids: Sequence[str]) -> None:
        await self._call("POST", f"{self._database}/collections/{key}/delete", {"ids": ids}, writes=True)

    async def get(
        self, key: str, *, ids: Sequence[str] | None = None, where: Any = None, metadatas: bool
    ) -> dict[str, Any]:
        """`ids` and, where wanted, `metadatas`, side by side."""
        body = {"ids": ids, "where": where, "include": ["metadatas"] if metadatas else []}
        found: dict[str, Any] = await self._call("POST", f"{self._database}/collections/{key}/get", body)
        return found

    async def query(
        self, key: str, vector: list[float], limit: int, where: Any, *, metadatas: bool
    ) -> tuple[list[str], list[float], list[Any]]:
        """Ids with their distances and, where wanted, their metadata, nearest first."""
        include = ["distances", "metadatas"] if metadatas else ["distances"]
        body = {"query_embeddings": [vector], "n_results": limit, "where": where, "include": include}
        found = await self._call("POST", f"{self._database}/collections/{key}/query", body)
        ids: list[str] = found["ids"][0]
        return ids, found["distances"][0], found["metadatas"][0] if metadatas else [None] * len(ids)

    async def count(self, key: str) -> int:
        return int(await self._call("GET", f"{self._database}/collections/{key}/count"))

    async def check(self) -> None:
        await self._call("GET", f"{self._database}/collections_count")

    async def close(self) -> None:
        await self._client.aclose()

    async def _call(self, method: str, path: str, body: Any = None, *, writes: bool = False) -> Any:
        try:
            async with asyncio.timeout(context.time_left(self._timeout_s)):
                answer = await self._client.request(method, path, json=body)
        except TimeoutError as error:
            raise _broken(writes, "Chroma did not answer in time.") from error
        except httpx2.ConnectError as error:
            raise _broken(False, f"Chroma cannot be reached: {error}.") from error
        except httpx2.HTTPError as error:
            raise _broken(writes, f"The connection to Chroma broke: {error!r}.") from error
        if answer.is_success:
            return _json(answer)
        raise _refusal(answer, writes)


def _json(answer: httpx2.Response) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        raise StoreRefused("What answers is not Chroma.", fix="Set ASKMESH_VECTORDB_CHROMA_URL.") from error


def _refusal(answer: httpx2.Response, writes: bool) -> Exception:
    said = answer.text[:300]
    match answer.status_code:
        case 404 if "Collection" in said:
            return Missing()
        case 404:
            return StoreRefused(
                f"Chroma does not know that tenant, database or route: {said}",
                fix="Set ASKMESH_VECTORDB_CHROMA_TENANT and _DATABASE, and use Chroma 1.5 or newer.",
            )
        case 409:
            return Exists()
        case 401 | 403:
            return StoreRefusesKey("Chroma refuses the token.", fix="Set ASKMESH_VECTORDB_CHROMA_TOKEN.")
        case 429:
            # As a date, which the header may also be, it is not worth reading.
            said_s = answer.headers.get("Retry-After", "")
            return StoreOverloaded("Chroma limits the rate.", retry_after=int(said_s) if said_s.isdecimal() else 1)
        case 507:
            return StorageFull("Chroma has no room left.", fix="Free some space and try again.")
        case status if status < 500:
            return StoreRefused(f"Chroma refuses the request with {status}: {said}", fix="Use Chroma 1.5 or newer.")
    if "database or disk is full" in said or "No space left" in said:
        return StorageFull("Chroma has no room left.", fix="Free some space and try again.")
    return _broken(writes, f"Chroma failed with {answer.status_code}: {said}")


def _broken(writes: bool, what: str) -> StoreUnavailable:
    return (OutcomeUnknown if writes else StoreUnavailable)(what, fix=_START)
