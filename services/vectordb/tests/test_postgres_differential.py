"""Random sequences of operations give the postgres store and a plain model the same answers."""

import os
from typing import Any

import pytest
from askmesh_vectordb.stores.base import Metric
from askmesh_vectordb.stores.postgres.store import PostgresStore
from hypothesis import given, settings
from hypothesis import strategies as st

from .differential import METRICS, OPERATIONS, compare

LONG = os.environ.get("ASKMESH_LONG_TESTS") == "1"


@pytest.mark.timeout(1200 if LONG else 120)
@settings(max_examples=300 if LONG else 10)
@given(
    metric=METRICS,
    # With a limit of 0 the approximate index has its say over these few vectors too, and finds all of them.
    exact_limit=st.sampled_from([0, 3, 3000]),
    operations=OPERATIONS,
)
def test_the_store_answers_as_the_model_does(
    postgres_url: str, metric: Metric, exact_limit: int, operations: list[Any]
) -> None:
    compare(
        lambda folder: PostgresStore(postgres_url, folder=folder, schema="askmesh_test", exact_limit=exact_limit),
        metric,
        operations,
    )
