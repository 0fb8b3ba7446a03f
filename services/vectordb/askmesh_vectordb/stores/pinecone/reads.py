"""Reads of one index at Pinecone. A result that is too large for one answer is asked for in parts."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pinecone import errors as sdk
from pinecone.async_client.async_index import AsyncIndex

from askmesh_vectordb.filters import Filter
from askmesh_vectordb.stores.base import Match, Page, Query, Record
from askmesh_vectordb.stores.pinecone.errors import translated
from askmesh_vectordb.stores.pinecone.shapes import from_wire, id_batches, numbers

# Seconds that one request may take.
TimeLeft = Callable[[], float]

_PAGE = 100
_TOO_LARGE = {400, 413}
"""How a result over Pinecone's 4 MB is refused; a malformed request too, which fails in parts as well."""


async def query(client: AsyncIndex, index: str, namespace: str, wanted: Query, time_left: TimeLeft) -> list[Match]:
    """Matches with Pinecone's own scores."""
    with translated(index):
        try:
            answer = await _query(client, namespace, wanted, time_left)
        except sdk.ApiError as error:
            if error.status_code not in _TOO_LARGE or not (wanted.include_values or wanted.include_metadata):
                raise
            bare = replace(wanted, include_values=False, include_metadata=False)
            answer = await _query(client, namespace, bare, time_left)
            scores = {match.id: match.score for match in answer.matches}
            records = await fetch(client, index, namespace, list(scores), time_left)
            return [_match(records[name], score, wanted) for name, score in scores.items() if name in records]
    return [_match(from_wire(match), match.score, wanted) for match in answer.matches]


async def fetch(
    client: AsyncIndex, index: str, namespace: str, ids: Sequence[str], time_left: TimeLeft
) -> dict[str, Record]:
    found: dict[str, Record] = {}
    batches = list(id_batches(ids))
    while batches:
        batch = batches.pop()
        with translated(index):
            try:
                answer = await client.fetch(ids=batch, namespace=namespace, timeout=time_left())
            except sdk.ApiError as error:
                if error.status_code not in _TOO_LARGE or len(batch) == 1:
                    raise
                batches += [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
                continue
        found |= {name: from_wire(vector) for name, vector in answer.vectors.items()}
    return {name: found[name] for name in ids if name in found}


async def count(client: AsyncIndex, index: str, chosen: Filter | None, time_left: TimeLeft) -> dict[str, int]:
    with translated(index):
        stats = await client.describe_index_stats(timeout=time_left())
        counts = {"" if name == "__default__" else name: item.vector_count for name, item in stats.namespaces.items()}
        if chosen is None:
            return counts
        # Serverless stats take no filter; a dry run of an update counts without changing anything.
        for name in counts:
            answer = await client.update(
                filter=chosen.json, set_metadata={"counted": True}, namespace=name, dry_run=True, timeout=time_left()
            )
            counts[name] = answer.matched_records or 0
    return counts


async def scan_filtered(
    client: AsyncIndex,
    index: str,
    namespace: str,
    chosen: Filter,
    limit: int,
    cursor: str | None,
    time_left: TimeLeft,
) -> Page[Record]:
    while True:
        with translated(index):
            try:
                page = await client.fetch_by_metadata(
                    filter=chosen.json, namespace=namespace, limit=limit, pagination_token=cursor, timeout=time_left()
                )
            except sdk.ApiError as error:
                if error.status_code not in _TOO_LARGE or limit == 1:
                    raise
                limit //= 2
                continue
        return Page(sorted(map(from_wire, page.vectors.values()), key=lambda record: record.id), _next(page))


async def list_ids(
    client: AsyncIndex,
    index: str,
    namespace: str,
    prefix: str,
    limit: int,
    cursor: str | None,
    time_left: TimeLeft,
) -> Page[str]:
    ids: list[str] = []
    while True:
        with translated(index):
            listed = await client.list_paginated(
                prefix=prefix or None,
                limit=min(_PAGE, limit - len(ids)),
                pagination_token=cursor,
                namespace=namespace,
                timeout=time_left(),
            )
        ids += [item.id for item in listed.vectors if item.id]
        cursor = _next(listed)
        if cursor is None or len(ids) >= limit:
            return Page(ids, cursor)


async def _query(client: AsyncIndex, namespace: str, wanted: Query, time_left: TimeLeft) -> Any:
    return await client.query(
        top_k=wanted.top_k,
        vector=None if wanted.vector is None else numbers(wanted.vector),
        id=wanted.id,
        namespace=namespace,
        filter=wanted.filter.json if wanted.filter else None,
        include_values=wanted.include_values,
        include_metadata=wanted.include_metadata,
        timeout=time_left(),
    )


def _match(record: Record, score: float, wanted: Query) -> Match:
    return Match(
        record.id,
        score,
        record.values if wanted.include_values else None,
        record.metadata if wanted.include_metadata else None,
    )


def _next(page: Any) -> str | None:
    return page.pagination.next if page.pagination else None
