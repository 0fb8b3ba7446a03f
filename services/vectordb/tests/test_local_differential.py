"""Random sequences of operations give the embedded store and a plain model the same answers."""

from typing import Any

import pytest
from askmesh_vectordb.stores.base import Metric
from askmesh_vectordb.stores.local.store import LocalStore
from hypothesis import given, settings

from .differential import OPERATIONS, compare


@pytest.mark.parametrize(
    ("metric", "exact_limit"),
    # With a limit of 0 the approximate index has its say over these few vectors too, and finds all of them.
    [
        ("cosine", 20_000),
        ("dotproduct", 20_000),
        ("euclidean", 20_000),
        ("cosine", 0),
        ("dotproduct", 0),
        ("euclidean", 0),
    ],
)
@settings(max_examples=10)
@given(operations=OPERATIONS)
def test_the_store_answers_as_the_model_does(
    monkeypatch: pytest.MonkeyPatch, metric: Metric, exact_limit: int, operations: list[Any]
) -> None:
    monkeypatch.setattr("askmesh_vectordb.stores.local.planner._FEW_CANDIDATES", 0)
    monkeypatch.setattr("askmesh_vectordb.stores.local.builder._SMALLEST_STEP", 1)

    compare(lambda folder: LocalStore(folder, exact_limit=exact_limit), metric, operations)
