"""Pinecone's filter dialect: what is accepted, what is refused, and what it means."""

from typing import Any

import pytest
from askmesh_vectordb import filters
from askmesh_vectordb.filters import InvalidFilter
from hypothesis import given
from hypothesis import strategies as st

KEYS = st.sampled_from(["n", "kind", "tags", "ok", "a.b", "ü"])
SCALARS = st.one_of(
    st.booleans(),
    st.integers(-3, 3),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.sampled_from(["a", "b", "1", "", "true", "x" * 60]),
)
VALUES = st.one_of(SCALARS, st.lists(st.sampled_from(["a", "b", "c", "x" * 60]), max_size=3))
METADATA = st.dictionaries(KEYS, VALUES, max_size=5)
NUMBERS = st.one_of(st.integers(-3, 3), st.floats(-4, 4))
OPERATIONS = st.one_of(
    SCALARS,
    st.fixed_dictionaries({"$eq": SCALARS}),
    st.fixed_dictionaries({"$ne": SCALARS}),
    st.fixed_dictionaries({"$in": st.lists(SCALARS, max_size=3)}),
    st.fixed_dictionaries({"$nin": st.lists(SCALARS, max_size=3)}),
    st.fixed_dictionaries({"$exists": st.booleans()}),
    st.fixed_dictionaries({"$gt": NUMBERS, "$lte": NUMBERS}),
    st.fixed_dictionaries({"$gte": NUMBERS}),
    st.fixed_dictionaries({"$lt": NUMBERS}),
)
FILTERS = st.recursive(
    st.dictionaries(KEYS, OPERATIONS, min_size=1, max_size=2),
    lambda inner: st.dictionaries(
        st.sampled_from(["$and", "$or"]), st.lists(inner, min_size=1, max_size=3), min_size=1, max_size=1
    ),
    max_leaves=6,
)


def matches(raw: dict[str, Any], metadata: dict[str, Any]) -> bool:
    return filters.parse(raw).matches(metadata)


@given(KEYS, SCALARS, METADATA)
def test_ne_is_the_negation_of_eq_and_a_bare_value_is_eq(key: str, value: Any, metadata: dict[str, Any]) -> None:
    equal = matches({key: {"$eq": value}}, metadata)
    assert matches({key: value}, metadata) is equal
    assert matches({key: {"$ne": value}}, metadata) is not equal
    assert matches({key: {"$in": [value]}}, metadata) is equal


@given(KEYS, st.lists(SCALARS, max_size=4), METADATA)
def test_in_is_any_of_eq_and_nin_its_negation(key: str, values: list[Any], metadata: dict[str, Any]) -> None:
    any_equal = any(matches({key: value}, metadata) for value in values)
    assert matches({key: {"$in": values}}, metadata) is any_equal
    assert matches({key: {"$nin": values}}, metadata) is not any_equal


@given(KEYS, METADATA)
def test_exists_is_whether_the_field_is_there(key: str, metadata: dict[str, Any]) -> None:
    assert matches({key: {"$exists": True}}, metadata) is (key in metadata)
    assert matches({key: {"$exists": False}}, metadata) is (key not in metadata)


@given(st.lists(FILTERS, min_size=1, max_size=3), METADATA)
def test_and_is_all_and_or_is_any(parts: list[dict[str, Any]], metadata: dict[str, Any]) -> None:
    results = [matches(part, metadata) for part in parts]
    assert matches({"$and": parts}, metadata) is all(results)
    assert matches({"$or": parts}, metadata) is any(results)


@given(FILTERS, FILTERS, METADATA)
def test_both_holds_where_each_does(first: dict[str, Any], second: dict[str, Any], metadata: dict[str, Any]) -> None:
    joined = filters.both(filters.parse(first), filters.parse(second))
    assert joined is not None
    assert joined.matches(metadata) is (matches(first, metadata) and matches(second, metadata))
    assert filters.parse(joined.json).matches(metadata) is joined.matches(metadata)


@pytest.mark.parametrize(
    ("raw", "metadata", "expected"),
    [
        ({"n": 1}, {"n": 1.0}, True),
        ({"n": 1}, {"n": True}, False),
        ({"n": True}, {"n": 1}, False),
        ({"n": "1"}, {"n": 1}, False),
        ({"n": {"$gt": 0}}, {"n": True}, False),
        ({"n": {"$gt": 0}}, {"n": "5"}, False),
        ({"n": {"$gt": 0}}, {}, False),
        ({"n": {"$ne": 0}}, {}, True),
        ({"n": {"$nin": [0]}}, {}, True),
        ({"g": "comedy"}, {"g": ["comedy", "drama"]}, True),
        ({"g": {"$ne": "comedy"}}, {"g": ["comedy", "drama"]}, False),
        ({"g": {"$in": ["war", "drama"]}}, {"g": ["comedy", "drama"]}, True),
        ({"g": {"$exists": True}}, {"g": []}, True),
        ({"n": {"$gte": 1, "$lt": 2}}, {"n": 2}, False),
        ({"n": 2**53 + 1}, {"n": 2**53}, True),
    ],
)
def test_types_are_strict_and_lists_match_by_element(
    raw: dict[str, Any], metadata: dict[str, Any], expected: bool
) -> None:
    assert matches(raw, metadata) is expected


def _nested(depth: int) -> dict[str, Any]:
    raw: dict[str, Any] = {"a": 1}
    for _ in range(depth):
        raw = {"$and": [raw]}
    return raw


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"n": {}},
        {"n": None},
        {"n": [1]},
        {"n": {"$eq": [1]}},
        {"n": {"$eq": None}},
        {"n": {"$gt": "1"}},
        {"n": {"$gt": True}},
        {"n": {"$in": 1}},
        {"n": {"$in": [None]}},
        {"n": {"$in": [[1]]}},
        {"n": {"$exists": 1}},
        {"n": {"$regex": "a"}},
        {"n": {"$and": [{"a": 1}]}},
        {"n": {"nested": 1}},
        {"$and": []},
        {"$and": {}},
        {"$or": [1]},
        {"$or": [{}]},
        {"$not": {"a": 1}},
        {"$gt": 1},
        {"n": 10**400},
        {"n": {"$in": list(range(10_001))}},
        _nested(20),
    ],
    ids=lambda raw: str(raw)[:40],
)
def test_what_the_dialect_does_not_have_is_refused(raw: dict[str, Any]) -> None:
    with pytest.raises(InvalidFilter):
        filters.parse(raw)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["$and", "$or", "$in", "$gt", "$exists", "a", "$x"]), inner, max_size=3), max_leaves=8))  # fmt: skip
def test_any_json_object_is_parsed_or_refused(raw: Any) -> None:
    if not isinstance(raw, dict):
        raw = {"a": raw}
    try:
        parsed = filters.parse(raw)
    except InvalidFilter:
        return
    assert parsed.matches({"a": 1}) in (True, False)
