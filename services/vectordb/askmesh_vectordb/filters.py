"""Pinecone's metadata filter dialect: parsed and checked once, and one reference evaluator.

Semantics, which every store must give (https://docs.pinecone.io/guides/search/filter-by-metadata):
- A bare value means `$eq`; several fields, or several operators on one field, must all hold.
- Types are strict: `1`, `"1"` and `true` differ. Numbers compare as 64-bit floats, as Pinecone stores them.
- A list in the metadata satisfies `$eq` and `$in` when any of its elements does.
- `$ne`, `$nin` and `$exists: false` are the exact negations, so a record without the field satisfies them.
- `$gt`, `$gte`, `$lt`, `$lte` compare numbers only; any other value, or none, does not satisfy them.
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from askmesh_kit.errors import InvalidRequest

MAX_DEPTH = 16
MAX_VALUES = 10_000

Kind = Literal["in", "gt", "gte", "lt", "lte", "exists"]
# A value with its type made explicit: ("s", text), ("n", number), ("b", truth).
Typed = tuple[str, str | float | bool]

_RANGES: dict[str, Callable[[float, float], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


class InvalidFilter(InvalidRequest):
    code = "invalid_filter"


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of one field. `values` holds what `in` accepts, or the single number of a range."""

    field: str
    kind: Kind
    values: tuple[Typed, ...] = ()
    negated: bool = False

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        return self._holds(metadata.get(self.field)) is not self.negated

    def _holds(self, value: Any) -> bool:
        if value is None:
            return False
        if self.kind == "exists":
            return True
        if self.kind == "in":
            accepted = self.values
            return any(typed(element) in accepted for element in elements(value))
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return _RANGES[self.kind](float(value), float(self.values[0][1]))


@dataclass(frozen=True, slots=True)
class Group:
    """All, or any, of the parts."""

    needs: Literal["all", "any"]
    parts: "tuple[Node, ...]"

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        results = (part.matches(metadata) for part in self.parts)
        return all(results) if self.needs == "all" else any(results)


Node = Condition | Group


@dataclass(frozen=True, slots=True)
class Filter:
    """A checked filter: its tree, and the JSON it came from for stores that speak the dialect themselves."""

    root: Node
    json: dict[str, Any]

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        """The reference answer for one record."""
        return self.root.matches(metadata)

    @property
    def fields(self) -> frozenset[str]:
        """The metadata fields that the answer depends on."""
        return frozenset(_fields(self.root))


def typed(value: str | float | bool) -> Typed:
    """The value with its type, so that equal pairs are equal values of one type."""
    if isinstance(value, bool):
        return "b", value
    if isinstance(value, int | float):
        return "n", float(value)
    return "s", value


def elements(value: Any) -> list[Any]:
    """A metadata value as the list of what equality looks at."""
    return value if isinstance(value, list) else [value]


def parse(raw: Mapping[str, Any]) -> Filter:
    """Check a filter. Raises InvalidFilter, naming the place, for anything Pinecone's dialect does not have."""
    if not raw:
        raise InvalidFilter("The filter is empty.", fix="Leave it out, or name a field.")
    return Filter(_parse_object(raw, "filter", 1), dict(raw))


def both(first: Filter | None, second: Filter | None) -> Filter | None:
    """A filter that holds where both do; None stands for no condition."""
    if first is None or second is None:
        return first or second
    return Filter(Group("all", (first.root, second.root)), {"$and": [first.json, second.json]})


def _fields(node: Node) -> Iterator[str]:
    if isinstance(node, Condition):
        yield node.field
    else:
        for part in node.parts:
            yield from _fields(part)


def _parse_object(raw: Any, where: str, depth: int) -> Node:
    if not isinstance(raw, Mapping) or not raw:
        raise InvalidFilter(f"{where} must be an object with at least one field.")
    if depth > MAX_DEPTH:
        raise InvalidFilter(f"The filter is nested more than {MAX_DEPTH} levels deep.")
    parts = [_parse_entry(key, value, where, depth) for key, value in raw.items()]
    return parts[0] if len(parts) == 1 else Group("all", tuple(parts))


def _parse_entry(key: str, value: Any, where: str, depth: int) -> Node:
    where = f"{where}.{key}"
    if key in ("$and", "$or"):
        if not isinstance(value, list) or not value:
            raise InvalidFilter(f"{where} must be a list of at least one filter.")
        parts = tuple(_parse_object(part, f"{where}[{n}]", depth + 1) for n, part in enumerate(value))
        return Group("all" if key == "$and" else "any", parts)
    if key.startswith("$"):
        raise InvalidFilter(f"{where} is not an operator that stands there.", fix="Use $and or $or, or name a field.")
    if not isinstance(value, Mapping):
        return Condition(key, "in", (_scalar(value, where),))
    if not value:
        raise InvalidFilter(f"{where} has no operator.")
    conditions = tuple(_parse_condition(key, name, operand, f"{where}.{name}") for name, operand in value.items())
    return conditions[0] if len(conditions) == 1 else Group("all", conditions)


def _parse_condition(field: str, name: str, operand: Any, where: str) -> Condition:
    match name:
        case "$eq" | "$ne":
            return Condition(field, "in", (_scalar(operand, where),), negated=name == "$ne")
        case "$in" | "$nin":
            return Condition(field, "in", _scalars(operand, where), negated=name == "$nin")
        case "$gt":
            return Condition(field, "gt", (_number(operand, where),))
        case "$gte":
            return Condition(field, "gte", (_number(operand, where),))
        case "$lt":
            return Condition(field, "lt", (_number(operand, where),))
        case "$lte":
            return Condition(field, "lte", (_number(operand, where),))
        case "$exists":
            if not isinstance(operand, bool):
                raise InvalidFilter(f"{where} must be true or false.")
            return Condition(field, "exists", negated=not operand)
    raise InvalidFilter(
        f"{where} is not a known operator.", fix="Use $eq $ne $gt $gte $lt $lte $in $nin $exists $and $or."
    )


def _scalar(value: Any, where: str) -> Typed:
    if isinstance(value, str | bool):
        return typed(value)
    if isinstance(value, int | float):
        return _number(value, where)
    raise InvalidFilter(f"{where} must be a string, a number or a boolean.")


def _scalars(value: Any, where: str) -> tuple[Typed, ...]:
    if not isinstance(value, list):
        raise InvalidFilter(f"{where} must be a list.")
    if len(value) > MAX_VALUES:
        raise InvalidFilter(f"{where} has more than {MAX_VALUES} values.")
    # A dict keeps the order and drops repeats.
    return tuple(dict.fromkeys(_scalar(item, f"{where}[{n}]") for n, item in enumerate(value)))


def _number(value: Any, where: str) -> Typed:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidFilter(f"{where} must be a number.")
    try:
        return "n", float(value)
    except OverflowError:
        raise InvalidFilter(f"{where} is too large a number.") from None
