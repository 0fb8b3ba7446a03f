"""Filters as Chroma's `where`, over a list of terms, and a number for each field that has one.

A record's numbers that are no more stay behind when Chroma replaces its metadata, for it merges. So a range may find too
much, never too little, and is looked at again.
"""

from typing import Any

from askmesh_vectordb.filters import Condition, Filter, Node
from askmesh_vectordb.stores.base import Metadata
from askmesh_vectordb.stores.engine.shapes import conditions, numbers, wanted_terms

_MOST_TERMS = 100
"""Alternatives in one condition, each of which is a subquery to Chroma. With more, all records are looked at."""

Where = dict[str, Any]


def where(chosen: Filter | None) -> Where | None:
    """None stands for all records."""
    return None if chosen is None else _where(chosen.root)


def exact(chosen: Filter) -> bool:
    return all(_is_exact(condition) for condition in conditions(chosen))


def number_fields(metadata: Metadata) -> dict[str, float]:
    """What ranges look at."""
    return {f"number:{field}": value for field, value in numbers(metadata).items()}


def _where(node: Node) -> Where | None:
    if isinstance(node, Condition):
        return _single(node)
    parts = [_where(part) for part in node.parts]
    known = [part for part in parts if part is not None]
    if node.needs == "any" and len(known) < len(parts):
        return None
    return _joined("$and" if node.needs == "all" else "$or", known)


def _single(condition: Condition) -> Where | None:
    if condition.kind not in ("in", "exists"):
        return {f"number:{condition.field}": {f"${condition.kind}": float(condition.values[0][1])}}
    if not _is_exact(condition):
        return None
    test, join = ("$not_contains", "$and") if condition.negated else ("$contains", "$or")
    return _joined(join, [{"terms": {test: term}} for term in wanted_terms(condition)])


def _joined(operator: str, parts: list[Where]) -> Where | None:
    # Chroma refuses a group of one.
    return {operator: parts} if len(parts) > 1 else parts[0] if parts else None


def _is_exact(condition: Condition) -> bool:
    return condition.kind in ("in", "exists") and len(condition.values) <= _MOST_TERMS
