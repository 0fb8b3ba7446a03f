"""Filters as expressions on a vector set's attributes.

Redis's expressions are not Pinecone's dialect: a missing field makes the whole of one false, and `in` on a string looks
for a part of it. So an element's attributes hold one string `t` with a mark for each field and each of its values, which
is always there and whose marks have one length, and beside it the numbers under names made of their field's digest.
What an expression lets through is checked once more against the metadata; it never leaves out what should come.
"""

import hashlib
import json
from typing import Any

from askmesh_vectordb.filters import Condition, Filter, Node, Typed, elements, typed
from askmesh_vectordb.stores.base import Metadata

_MOST_VALUES = 50
"""A condition with more values only asks whether the field is there."""
_LONGEST = 20_000
"""A longer expression takes more time on each element than it saves."""
_LARGEST = 1e15
"""Numbers beyond are compared after the search: Redis reads no exponents in every place."""


def attributes(metadata: Metadata) -> str:
    marks: list[str] = []
    numbers: dict[str, float] = {}
    for key, value in metadata.items():
        marks.append(_mark("field", key))
        marks += [_mark(key, *_plain(typed(element))) for element in elements(value)]
        if isinstance(value, int | float) and not isinstance(value, bool):
            numbers[_number_name(key)] = float(value)
    return json.dumps({"t": "|" + "|".join(dict.fromkeys(marks)) + "|"} | numbers)


def expression(chosen: Filter) -> str | None:
    """What lets through all that satisfies the filter, and perhaps more; None where that is everything."""
    text = _node(chosen.root, alone=True)
    return text if text and len(text) <= _LONGEST else None


def _node(node: Node, *, alone: bool) -> str | None:
    """`alone`: nothing else may hold instead, so that a field that is missing may make the whole false."""
    if isinstance(node, Condition):
        return _condition(node, alone)
    parts = [_node(part, alone=alone and node.needs == "all") for part in node.parts]
    if node.needs == "any":
        return None if None in parts else " or ".join(f"({part})" for part in parts)
    asked = [f"({part})" for part in parts if part is not None]
    return " and ".join(asked) or None


def _condition(condition: Condition, alone: bool) -> str | None:
    field = _has(_mark("field", condition.field))
    if condition.kind == "exists":
        return f"not ({field})" if condition.negated else field
    if condition.kind == "in":
        return _among(condition, field)
    limit = float(condition.values[0][1])
    if not alone or abs(limit) > _LARGEST:
        return field
    # A little wider than asked: the digits written here are not all that the number has.
    sign, slack = ("<=", 1.0) if condition.kind in ("lt", "lte") else (">=", -1.0)
    wider = limit + slack * (abs(limit) * 1e-12 + 1e-12)
    return f"{field} and .{_number_name(condition.field)} {sign} {wider:.17f}"


def _among(condition: Condition, field: str) -> str | None:
    if len(condition.values) > _MOST_VALUES:
        return None if condition.negated else field
    any_of = " or ".join(_has(_mark(condition.field, *_plain(value))) for value in condition.values)
    if condition.negated:
        return f"not ({any_of})" if any_of else None
    return any_of or f"{field} and not ({field})"


def _plain(value: Typed) -> Typed:
    """With the one zero that both zeros equal."""
    kind, plain = value
    return (kind, float(plain) + 0.0) if kind == "n" else value


def _has(mark: str) -> str:
    return f'"|{mark}|" in .t'


def _mark(*parts: Any) -> str:
    text = json.dumps(parts)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _number_name(key: str) -> str:
    return f"n{_mark('number', key)}"
