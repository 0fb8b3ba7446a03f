"""SciFact through the vector database's `/search` and the bot's own order of what it finds."""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx2
import ir_measures
import numpy as np
from askmesh_bot.answering.fusion import rescored
from askmesh_bot.peers.vectordb import Match
from numpy.typing import NDArray

from evals.scifact.dataset import SciFact
from evals.scifact.service import vectordb
from evals.significance import paired_randomisation

_INDEX, _NAMESPACE, _DEPTH, _PER_UPSERT = "scifact", "abstracts", 40, 100
_MEASURE = ir_measures.nDCG @ 10
Vectors = NDArray[np.float32]
SERVED = "as served"


def measure(data: SciFact, passages: Vectors, queries: Vectors) -> dict[str, Any]:
    """nDCG@10 of the best 40 of `/search` in each order, and the served order's lead with its p-value."""
    with tempfile.TemporaryDirectory() as folder, vectordb(os.path.join(folder, "vectordb")) as client:
        _learn(client, data, passages)
        found = {
            claim: _search(client, text, vector)
            for (claim, text), vector in zip(data.claims.items(), queries, strict=True)
        }
    orders: Mapping[str, Callable[[str, Sequence[Match]], Sequence[Match]]] = {
        "dense": lambda _, matches: sorted(matches, key=lambda one: -(one.similarity or 0.0)),
        "lexical": lambda _, matches: sorted(matches, key=lambda one: -(one.lexical_score or 0.0)),
        "rrf k=60": lambda _, matches: matches,
        SERVED: rescored,
    }
    each = {
        name: _ndcg(data, {claim: order(data.claims[claim], found[claim]) for claim in found})
        for name, order in orders.items()
    }
    result: dict[str, Any] = {
        f"hybrid ndcg@10, {name}": round(sum(values) / len(values), 4) for name, values in each.items()
    }
    for name in orders:
        if name != SERVED:
            _, p = paired_randomisation(each[SERVED], each[name])
            result[f"p of as served against {name}"] = round(p, 4)
    return result


def _ndcg(data: SciFact, orders: Mapping[str, Sequence[Match]]) -> list[float]:
    run = {claim: {match.id: float(-place) for place, match in enumerate(order)} for claim, order in orders.items()}
    found = {one.query_id: one.value for one in ir_measures.iter_calc([_MEASURE], data.relevant, run)}
    return [float(found.get(claim, 0.0)) for claim in data.claims]


def _learn(client: httpx2.Client, data: SciFact, passages: Vectors) -> None:
    body = {"name": _INDEX, "dimension": int(passages.shape[1]), "metric": "cosine"}
    body |= {"spec": {"serverless": {"cloud": "aws", "region": "us-east-1"}}}
    client.post("/indexes", json=body).raise_for_status()
    rows = [
        {"id": name, "values": vector.tolist(), "metadata": {"header": data.titles[name], "text": text}}
        for (name, text), vector in zip(data.bodies.items(), passages, strict=True)
    ]
    for start in range(0, len(rows), _PER_UPSERT):
        batch = {"namespace": _NAMESPACE, "vectors": rows[start : start + _PER_UPSERT]}
        client.post(f"/indexes/{_INDEX}/vectors/upsert", json=batch).raise_for_status()


def _search(client: httpx2.Client, text: str, vector: Vectors) -> list[Match]:
    body = {"topK": _DEPTH, "namespace": _NAMESPACE, "includeMetadata": True, "text": text, "vector": vector.tolist()}
    matches = client.post(f"/indexes/{_INDEX}/search", json=body).raise_for_status().json()["matches"]
    return [
        Match(one["id"], one["score"], one["metadata"], one["scores"]["dense"], lexical_score=one["scores"]["lexical"])
        for one in matches
    ]
