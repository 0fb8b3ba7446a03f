"""Random sequences of operations give the pinecone store, over a second instance of this service, and a plain model the same
answers."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores import open_store
from askmesh_vectordb.stores.base import Metric
from hypothesis import given, settings

from .differential import METRICS, OPERATIONS, compare

LONG = os.environ.get("ASKMESH_LONG_TESTS") == "1"


@pytest.mark.timeout(1200 if LONG else 120)
@settings(max_examples=100 if LONG else 5)
@given(metric=METRICS, operations=OPERATIONS)
def test_the_store_answers_as_the_model_does(
    pinecone_settings: Callable[[Path], Settings], metric: Metric, operations: list[Any]
) -> None:
    compare(lambda folder: open_store(pinecone_settings(folder)), metric, operations)
