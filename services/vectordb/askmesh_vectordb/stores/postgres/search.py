"""How a search goes about it: exactly over few candidates, by the approximate index over many, exactly where that
found too little."""

import json
import math
import time
from typing import Any

import numpy as np
from psycopg import AsyncConnection

from askmesh_vectordb.filters import Filter
from askmesh_vectordb.stores.base import Match, Metric, Query, Vector
from askmesh_vectordb.stores.postgres import conditions, reads
from askmesh_vectordb.stores.postgres.table import Table
from askmesh_vectordb.stores.postgres.vectors import Embedding

_MOST_APPROXIMATE = 1000
"""Larger results are as quickly had by looking at every vector; also pgvector's largest ef_search."""
_OVERFETCH, _LEAST_FETCHED = 2, 40
_REMEMBERED_S, _MOST_REMEMBERED = 30.0, 1000

# The candidates are listed first, as places in the table, and counted; their vectors are read only where they are few.
# The sum keeps the planner from the approximate index.
_EXACT = """
    WITH candidates AS MATERIALIZED (
        SELECT ctid AS place FROM {records} WHERE namespace = %s AND {chosen} LIMIT {most}
    ), counted AS (SELECT count(*) AS candidates FROM candidates)
    SELECT counted.candidates, nearest.* FROM counted LEFT JOIN LATERAL (
        SELECT id, {embedding}, {metadata}, (embedding {operator} %s) + 0 AS distance FROM {records}
        WHERE counted.candidates <= {few} AND ctid = ANY (ARRAY(SELECT place FROM candidates))
        ORDER BY distance, id LIMIT {top_k}
    ) nearest ON true
"""
_EVERY = """
    SELECT id, {embedding}, {metadata}, (embedding {operator} %s) + 0 AS distance
    FROM {records} WHERE namespace = %s AND {chosen} ORDER BY distance, id LIMIT {top_k}
"""
TOWARDS_THE_GRAPH = """
    SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
        set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('hnsw.ef_search', %s, true)
"""
# The namespace is disguised, so that no other index than the vectors' comes into question.
_APPROXIMATE = """
    WITH found AS MATERIALIZED (
        SELECT id, embedding, metadata FROM {records} WHERE namespace || '' = %s AND {chosen}
        ORDER BY {indexed} {indexed_operator} {query} LIMIT {fetched}
    )
    SELECT id, {embedding}, {metadata}, embedding {operator} %s AS distance FROM found
    ORDER BY distance, id LIMIT {top_k}
"""


class Search:
    """`exact_limit`: candidates up to which each is looked at; `ef`: breadth of the search in the graph, at least."""

    def __init__(self, exact_limit: int, ef: int) -> None:
        self._exact_limit, self._ef = exact_limit, ef
        # Which namespaces and filters were found to leave many candidates, until when that is believed. Where it is
        # wrong, the approximate search finds too little and the exact one follows.
        self._many: dict[tuple[int, str, str], float] = {}

    async def __call__(self, connection: AsyncConnection, table: Table, namespace: str, wanted: Query) -> list[Match]:
        vector = wanted.vector
        if vector is None:
            known = await reads.fetch(connection, table, namespace, [wanted.id or ""])
            if not known:
                return []
            vector = known[wanted.id or ""].values
        assert vector is not None
        if table.near.indexed and wanted.top_k <= _MOST_APPROXIMATE and np.any(vector):
            if not self._known_many(table, namespace, wanted.filter):
                few = await self._few(connection, table, namespace, wanted, vector)
                if few is not None:
                    return few
                self._remember_many(table, namespace, wanted.filter)
            matches = await self._approximate(connection, table, namespace, wanted, vector)
            if len(matches) == wanted.top_k:
                return matches
        chosen = conditions.where(wanted.filter)
        parameters = [Embedding(vector), namespace, *chosen.parameters]
        rows = await table.rows(connection, _EVERY, parameters, chosen=chosen.sql, **_parts(table, wanted))
        return _matches(table, rows)

    async def _few(
        self, connection: AsyncConnection, table: Table, namespace: str, wanted: Query, vector: Vector
    ) -> list[Match] | None:
        """The answer where few records come into question, else None."""
        chosen = conditions.where(wanted.filter)
        rows = await table.rows(
            connection,
            _EXACT,
            [namespace, *chosen.parameters, Embedding(vector)],
            chosen=chosen.sql,
            few=str(self._exact_limit),
            most=str(self._exact_limit + 1),
            **_parts(table, wanted),
        )
        if rows[0][0] > self._exact_limit:
            return None
        return _matches(table, [row[1:] for row in rows if row[1] is not None])

    async def _approximate(
        self, connection: AsyncConnection, table: Table, namespace: str, wanted: Query, vector: Vector
    ) -> list[Match]:
        fetched = max(_LEAST_FETCHED, _OVERFETCH * wanted.top_k)
        ef = min(_MOST_APPROXIMATE, max(self._ef, fetched))
        statement, parameters = graph_statement(table, namespace, wanted, vector, fetched)
        async with connection.pipeline():
            await connection.execute("BEGIN READ ONLY")
            await connection.execute(TOWARDS_THE_GRAPH, [str(ef)])
            cursor = await connection.execute(statement, parameters, binary=True)
            await connection.execute("COMMIT")
            rows = await cursor.fetchall()
        return _matches(table, rows)

    def _known_many(self, table: Table, namespace: str, chosen: Filter | None) -> bool:
        return self._many.get(_key(table, namespace, chosen), 0.0) > time.monotonic()

    def _remember_many(self, table: Table, namespace: str, chosen: Filter | None) -> None:
        if len(self._many) >= _MOST_REMEMBERED:
            self._many.clear()
        self._many[_key(table, namespace, chosen)] = time.monotonic() + _REMEMBERED_S


def graph_statement(table: Table, namespace: str, wanted: Query, vector: Vector, fetched: int) -> tuple[str, list[Any]]:
    """The approximate search, with its parameters: so many from the graph, scored by their own vectors."""
    near, query = table.near, Embedding(vector)
    chosen = conditions.where(wanted.filter, indexed=False)
    statement = table.sql(
        _APPROXIMATE,
        indexed=near.indexed.format("embedding"),
        indexed_operator=near.indexed_operator,
        query=near.indexed.format("%s"),
        fetched=str(fetched),
        chosen=chosen.sql,
        **_parts(table, wanted),
    )
    return statement, [namespace, *chosen.parameters, query, query]


def _key(table: Table, namespace: str, chosen: Filter | None) -> tuple[int, str, str]:
    return table.number, namespace, json.dumps(chosen.json) if chosen else ""


def _parts(table: Table, wanted: Query) -> dict[str, str]:
    return {
        "embedding": "embedding" if wanted.include_values else "NULL AS embedding",
        "metadata": "metadata" if wanted.include_metadata else "NULL AS metadata",
        "operator": table.near.operator,
        "top_k": str(wanted.top_k),
    }


def _matches(table: Table, rows: list[tuple[Any, ...]]) -> list[Match]:
    """Of rows of id, embedding, metadata and distance."""
    matches = [
        Match(name, _score(table.info.metric, distance), values, json.loads(text) if text is not None else None)
        for name, values, text, distance in rows
    ]
    return sorted(matches, key=lambda match: (-match.score, match.id))


def _score(metric: Metric, distance: float) -> float:
    if metric == "cosine":
        # A vector without a direction is at no distance.
        return 0.0 if math.isnan(distance) else 1.0 - distance
    return -distance if metric == "dotproduct" else -(distance**2)
