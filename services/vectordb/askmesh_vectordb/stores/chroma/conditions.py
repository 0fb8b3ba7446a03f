"""Filters as Chroma's `where`, over a list of terms, and a number for each field that has one.

A record's numbers that are no more stay behind when Chroma replaces its metadata, for it merges. So a range may find too
much, never too little, and is looked at again.
"""

from typing import Any

from askmesh_vectordb.filters import Condition, Filter, Node
from askmesh_vectordb.stores.base import Metadata
from askmesh_vectordb.stores.engine.shapes import conditions, numbers, wanted_terms

_MOST_TERMS = 300
"""Terms and ranges in one filter, each of which is a subquery to Chroma; SQLite refuses a thousand. With more, all records
are looked at."""

Where = dict[str, Any]


def where(chosen: Filter | None) -> Where | None:
    """None stands for all records."""
    return _where(chosen.root) if chosen and _is_small(chosen) else None


def exact(chosen: Filter) -> bool:
    return _is_small(chosen) and all(condition.kind in ("in", "exists") for condition in conditions(chosen))


def number_fields(metadata: Metadata) -> dict[str, float]:
    """What ranges look at."""
    return {f"number:{field}": value for field, value in numbers(metadata).items()}


def _where(node: Node) -> Where:
    if isinstance(node, Condition):
        return _single(node)
    return _joined("$and" if node.needs == "all" else "$or", [_where(part) for part in node.parts])


def _single(condition: Condition) -> Where:
    if condition.kind not in ("in", "exists"):
        return {f"number:{condition.field}": {f"${condition.kind}": float(condition.values[0][1])}}
    test, join = ("$not_contains", "$and") if condition.negated else ("$contains", "$or")
    return _joined(join, [{"terms": {test: term}} for term in wanted_terms(condition)])


def _joined(operator: str, parts: list[Where]) -> Where:
    # Chroma refuses a group of one.
    return {operator: parts} if len(parts) > 1 else parts[0]


def _is_small(chosen: Filter) -> bool:
    return sum(max(1, len(condition.values)) for condition in conditions(chosen)) <= _MOST_TERMS
