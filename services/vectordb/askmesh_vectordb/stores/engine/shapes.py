"""Records as engines keep them: values and metadata to the bit, and metadata once more as terms to filter by.

Engines differ in what they make of dots in names, of `1` and `1.0`, of booleans, of lists, of missing fields. A term is a
string that names a field, a type and a value, so that one list of strings with one index serves equality, membership
and existence of every field alike. Only ranges need numbers.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from askmesh_vectordb.filters import Condition, Filter, Group, Node, Typed, elements, typed
from askmesh_vectordb.stores.base import Metadata, Record, Vector

NO_TERM = "!"
"""A term that no record has."""
_LONGEST = 120
_BATCH_BYTES = 8_000_000
"""Of one request: servers refuse bodies of more than 32 or 40 MB."""


def packed(record: Record) -> dict[str, Any]:
    """`values` and `metadata` as strings, `terms` as a list of strings."""
    assert record.values is not None
    return {
        "values": base64.b64encode(np.ascontiguousarray(record.values, dtype="<f4").tobytes()).decode(),
        "metadata": json.dumps(record.metadata, ensure_ascii=False, separators=(",", ":")),
        "terms": terms(record.metadata),
    }


def unpacked(name: str, kept: dict[str, Any]) -> Record:
    return Record(name, values_of(kept), metadata_of(kept))


def values_of(kept: dict[str, Any]) -> Vector:
    return np.frombuffer(base64.b64decode(kept["values"]), dtype="<f4")


def metadata_of(kept: dict[str, Any]) -> Metadata:
    metadata: Metadata = json.loads(kept["metadata"])
    return metadata


def terms(metadata: Metadata) -> list[str]:
    """Every field's, and every value's, each once."""
    found: dict[str, None] = {}
    for field, value in metadata.items():
        found[_exists(field)] = None
        for element in elements(value):
            found[_term(field, typed(element))] = None
    return list(found)


def numbers(metadata: Metadata) -> dict[str, float]:
    """The fields that a range can hold for."""
    return {
        field: float(value)
        for field, value in metadata.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def wanted_terms(condition: Condition) -> list[str]:
    """A record has one of these exactly where `in` or `exists` holds, negation aside; for a range, where it may."""
    if condition.kind == "in":
        return [_term(condition.field, value) for value in condition.values] or [NO_TERM]
    return [_exists(condition.field)]


def conditions(chosen: Filter) -> Iterator[Condition]:
    """Every condition in a filter, wherever it stands."""
    nodes: list[Node] = [chosen.root]
    while nodes:
        node = nodes.pop()
        if isinstance(node, Group):
            nodes += node.parts
        else:
            yield node


def batches(records: Sequence[Record], most: int) -> Iterator[list[Record]]:
    """In order, each of at most `most` records and about as many bytes as a server takes."""
    batch: list[Record] = []
    size = 0
    for record in records:
        assert record.values is not None
        # Values are sent as text and once more in base64; metadata up to twice.
        weight = 18 * len(record.values) + 2 * sum(len(str(value)) for value in record.metadata.values())
        if batch and (len(batch) == most or size + weight > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += weight
    if batch:
        yield batch


def _exists(field: str) -> str:
    return json.dumps(field, ensure_ascii=False) + "?"


def _term(field: str, value: Typed) -> str:
    kind, plain = value
    # Zero has two signs, and they are equal.
    text = repr(float(plain) + 0.0) if kind == "n" else str(plain)
    term = f"{json.dumps(field, ensure_ascii=False)}{kind}{text}"
    if len(term) <= _LONGEST:
        return term
    return "#" + hashlib.sha256(term.encode()).hexdigest()
