"""The vector database service: Pinecone's API with hybrid search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from askmesh_bot.peers.calls import PeerCalls
from askmesh_bot.peers.errors import PeerError
from askmesh_bot.settings import VectordbPeer


@dataclass(frozen=True)
class Record:
    """What is stored. `metadata` values are strings, numbers, booleans or lists of strings."""

    id: str
    values: Sequence[float]
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class Match:
    """A record found. `similarity` is the cosine to the query vector, `lexical_score` what the full-text index gives.

    Ranks count from 1, None where not found.
    """

    id: str
    score: float
    metadata: Mapping[str, Any]
    similarity: float | None = None
    dense_rank: int | None = None
    lexical_rank: int | None = None
    lexical_score: float | None = None


class VectordbClient:
    """Indexes and their records. Every method raises PeerUnavailable or PeerError."""

    def __init__(self, settings: VectordbPeer) -> None:
        self._settings = settings
        self._calls = PeerCalls("vectordb", settings)
        self.url = self._calls.url

    async def ensure_index(self, index: str, dimension: int, fingerprint: str) -> None:
        """Create the index unless it is there. One of another dimension or fingerprint is a PeerError (409)."""
        body = {"name": index, "dimension": dimension, "metric": "cosine", "tags": {"fingerprint": fingerprint}}
        body |= {"spec": {"serverless": {"cloud": "aws", "region": "us-east-1"}}, "vector_type": "dense"}
        try:
            await self._calls.json("POST", "indexes", body)
        except PeerError as error:
            if error.peer_status != 409:
                raise
            # Pinecone's answer to a name that is taken is 409 whatever it was made for, so what is there is compared.
            there = await self._calls.json("GET", f"indexes/{quote(index)}")
            known = (there.get("tags") or {}).get("fingerprint", fingerprint)
            if there.get("dimension") != dimension or known != fingerprint:
                raise

    async def upsert(self, index: str, namespace: str, records: Sequence[Record]) -> None:
        """Store records, replacing those with the same ids; when it returns they are durable and found."""
        for start in range(0, len(records), self._settings.batch_size):
            batch = records[start : start + self._settings.batch_size]
            vectors = [
                {"id": record.id, "values": list(record.values), "metadata": dict(record.metadata)} for record in batch
            ]
            await self._data(index, "vectors/upsert", {"vectors": vectors, "namespace": namespace})

    async def search(
        self,
        index: str,
        namespace: str,
        text: str,
        vector: Sequence[float] | None,
        top_k: int,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - the wire's own word
        *,
        timeout_s: float | None = None,
    ) -> list[Match]:
        """The best matches of text and vector together, best first."""
        body: dict[str, Any] = {"topK": top_k, "namespace": namespace, "includeMetadata": True}
        if text:
            body["text"] = text
        if vector is not None:
            body["vector"] = list(vector)
        if filter:
            body["filter"] = dict(filter)
        answer = await self._data(index, "search", body, timeout_s)
        return [_match(item) for item in answer.get("matches", [])]

    async def fetch(self, index: str, namespace: str, ids: Sequence[str]) -> dict[str, Record]:
        """The records of these ids; ids that are not there are left out."""
        found: dict[str, Record] = {}
        for start in range(0, len(ids), self._settings.batch_size):
            params = [
                ("namespace", namespace),
                *(("ids", one) for one in ids[start : start + self._settings.batch_size]),
            ]
            answer = await self._calls.json("GET", f"indexes/{quote(index)}/vectors/fetch", params=params)
            for key, item in answer.get("vectors", {}).items():
                found[key] = Record(key, item.get("values") or [], item.get("metadata") or {})
        return found

    async def delete(self, index: str, namespace: str, ids: Sequence[str]) -> None:
        """Remove records; ids that are not there are no error."""
        for start in range(0, len(ids), self._settings.batch_size):
            batch = list(ids[start : start + self._settings.batch_size])
            await self._data(index, "vectors/delete", {"ids": batch, "namespace": namespace})

    async def list_ids(self, index: str, namespace: str, prefix: str = "") -> list[str]:
        """Every record id of a namespace that begins with `prefix`, in id order."""
        ids: list[str] = []
        token = ""
        while True:
            params = {"namespace": namespace, "limit": "100"}
            params |= {"prefix": prefix} if prefix else {}
            params |= {"paginationToken": token} if token else {}
            page = await self._calls.json("GET", f"indexes/{quote(index)}/vectors/list", params=params)
            ids += [item["id"] for item in page.get("vectors", [])]
            token = (page.get("pagination") or {}).get("next") or ""
            if not token:
                return ids

    async def stats(self, index: str) -> dict[str, int]:
        """Records per namespace of an index; empty where there is no such index."""
        try:
            answer = await self._data(index, "describe_index_stats", {})
        except PeerError as error:
            if error.peer_status == 404:
                return {}
            raise
        spaces = answer.get("namespaces") or {}
        return {name: int(item.get("vectorCount", item.get("vector_count", 0))) for name, item in spaces.items()}

    async def check(self) -> str | None:
        """A readiness check."""
        await self._calls.json("GET", "indexes")
        return None

    async def close(self) -> None:
        await self._calls.close()

    async def _data(self, index: str, path: str, body: Any, timeout_s: float | None = None) -> Any:
        return await self._calls.json("POST", f"indexes/{quote(index)}/{path}", body, timeout_s=timeout_s)


def _match(item: Mapping[str, Any]) -> Match:
    ranks, scores = item.get("ranks") or {}, item.get("scores") or {}
    return Match(
        id=item["id"],
        score=float(item.get("score") or 0.0),
        metadata=item.get("metadata") or {},
        similarity=scores.get("dense"),
        dense_rank=ranks.get("dense"),
        lexical_rank=ranks.get("lexical"),
        lexical_score=scores.get("lexical"),
    )
