"""Random sequences of operations give the qdrant store, on the engine in Qdrant's client, and a plain model the same answers."""

import os
from typing import Any

import pytest
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import Metric
from askmesh_vectordb.stores.qdrant.store import open_store
from hypothesis import given, settings

from .differential import METRICS, OPERATIONS, compare

LONG = os.environ.get("ASKMESH_LONG_TESTS") == "1"


@pytest.mark.timeout(1200 if LONG else 120)
@settings(max_examples=200 if LONG else 6)
@given(
    metric=METRICS,
    operations=OPERATIONS,
)
def test_the_store_answers_as_the_model_does(metric: Metric, operations: list[Any]) -> None:
    compare(
        lambda folder: open_store(
            Settings(_env_file=None, store="qdrant", qdrant_url=str(folder / "qdrant"), data_path=folder)
        ),
        metric,
        operations,
    )
