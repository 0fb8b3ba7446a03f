"""Filters as Qdrant's conditions on the payload: `terms`, a list of strings with one index, and `numbers` for ranges."""

from qdrant_client import models

from askmesh_vectordb.filters import Condition, Filter, Node
from askmesh_vectordb.stores.engine.shapes import conditions, wanted_terms

NAMESPACE = "namespace"
"""The payload field that every record has and every query names."""


def within(namespace: str, chosen: Filter | None = None, *, ranges: bool = True) -> models.Filter:
    """The records of a namespace that satisfy a filter, or may. `ranges`: whether a range may be asked for."""
    place = models.FieldCondition(key=NAMESPACE, match=models.MatchValue(value=kept_namespace(namespace)))
    return models.Filter(must=[place] if chosen is None else [place, _condition(chosen.root, ranges)])


def anywhere(chosen: Filter, *, ranges: bool) -> models.Filter:
    return models.Filter(must=[_condition(chosen.root, ranges)])


def exact(chosen: Filter, *, ranges: bool) -> bool:
    """Whether Qdrant can be told all of it."""
    return all(
        condition.kind in ("in", "exists") or (ranges and _path(condition.field)) for condition in conditions(chosen)
    )


def kept_namespace(namespace: str) -> str:
    """Never the empty string, of which engines may think as of a value that is not there."""
    return "/" + namespace


def _condition(node: Node, ranges: bool) -> models.Condition:
    if isinstance(node, Condition):
        return _single(node, ranges)
    parts = [_condition(part, ranges) for part in node.parts]
    return models.Filter(must=parts) if node.needs == "all" else models.Filter(should=parts)


def _single(condition: Condition, ranges: bool) -> models.Condition:
    path = _path(condition.field)
    if condition.kind in ("in", "exists") or not (ranges and path):
        found = models.FieldCondition(key="terms", match=models.MatchAny(any=wanted_terms(condition)))
        return models.Filter(must_not=[found]) if condition.negated else found
    return models.FieldCondition(key=path, range=models.Range(**{condition.kind: float(condition.values[0][1])}))


def _path(field: str) -> str | None:
    """Where a number is, or None for a name that Qdrant's paths cannot spell."""
    return None if not field or '"' in field or "\\" in field else f'numbers."{field}"'
