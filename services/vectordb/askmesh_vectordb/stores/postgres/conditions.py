"""Filters as SQL over `facts`: a record's metadata reduced to what filters look at, kept as jsonb beside the original.

In `facts` numbers are the 64-bit floats they compare as, and a long string is its digest: facts stay short, lie in the
row, and hold nothing that jsonb refuses (NUL, lone surrogates). So each condition is exact, not merely a weaker one.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from askmesh_vectordb.filters import Condition, Filter, Group, Node, typed
from askmesh_vectordb.stores.base import Metadata, UnsupportedFilter

_LONGEST = 64
_DIGEST = "\ue000"
"""Begins every digest; a string that begins with it is digested too, so none passes for another's digest."""
_INDEXED_VALUES = 16
"""So many values of one condition are looked up in the index of facts; more are compared row by row."""
_MOST_PARAMETERS = 10_000
_COMPARED = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


@dataclass(frozen=True, slots=True)
class Where:
    """An SQL condition on a row with its parameters in order."""

    sql: str
    parameters: tuple[Any, ...] = ()


def facts(metadata: Metadata) -> str:
    """The metadata as filters see it, as JSON."""
    reduced = {
        _text(key): [_json_value(item) for item in value] if isinstance(value, list) else _json_value(value)
        for key, value in metadata.items()
    }
    return json.dumps(reduced, allow_nan=False)


def where(chosen: Filter | None, *, indexed: bool = True) -> Where:
    """The filter as a condition that is true or false, never null. `indexed`: in the form that the index of facts answers, where
    it can. Raises UnsupportedFilter for one of more conditions than a statement takes."""
    if chosen is None:
        return Where("true")
    condition = _node(chosen.root, indexed)
    if len(condition.parameters) > _MOST_PARAMETERS:
        raise UnsupportedFilter(
            "The filter has more conditions than PostgreSQL takes.", fix="Use $in for many values of one field."
        )
    return condition


def _node(node: Node, indexed: bool) -> Where:
    if isinstance(node, Condition):
        return _condition(node, indexed)
    return _group(node, indexed)


def _group(group: Group, indexed: bool) -> Where:
    parts = [_node(part, indexed) for part in group.parts]
    joint = " AND " if group.needs == "all" else " OR "
    sql = joint.join(part.sql for part in parts)
    return Where(f"({sql})", tuple(parameter for part in parts for parameter in part.parameters))


def _condition(condition: Condition, indexed: bool) -> Where:
    key = _text(condition.field)
    if condition.kind == "exists":
        held = Where("(facts ? %s)", (key,))
    elif condition.kind == "in":
        held = _among(key, [_json_value(value) for _, value in condition.values])
        if indexed and not condition.negated and len(condition.values) <= _INDEXED_VALUES:
            held = _looked_up(key, condition, held)
    else:
        # The type is tested first: CASE keeps the order, AND does not.
        number = "CASE WHEN jsonb_typeof(facts -> %s) = 'number' THEN (facts -> %s)::numeric"
        limit = json.dumps(float(condition.values[0][1]))
        held = Where(f"({number} {_COMPARED[condition.kind]} %s::numeric ELSE false END)", (key, key, limit))
    return Where(f"(NOT {held.sql})", held.parameters) if condition.negated else held


def _among(key: str, values: list[Any]) -> Where:
    # An array contains its elements, a scalar itself: one operator serves both.
    return Where("coalesce((facts -> %s) @> ANY (%s::jsonb[]), false)", (key, [json.dumps(value) for value in values]))


def _looked_up(key: str, condition: Condition, held: Where) -> Where:
    """The same, in the form that the index of facts answers."""
    if not condition.values:
        return held
    shapes = [shape for _, value in condition.values for shape in (_json_value(value), [_json_value(value)])]
    sql = " OR ".join(["facts @> %s::jsonb"] * len(shapes))
    return Where(f"({sql})", tuple(json.dumps({key: shape}) for shape in shapes))


def _json_value(value: Any) -> Any:
    kind, plain = typed(value)
    return _text(plain) if kind == "s" and isinstance(plain, str) else plain


def _text(text: str) -> str:
    if len(text) <= _LONGEST and not text.startswith(_DIGEST) and text.isprintable():
        return text
    return _DIGEST + hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
