"""Random sequences of operations give the qdrant store, on the engine in Qdrant's client, and a plain model the same answers."""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import IndexInfo, Metric
from askmesh_vectordb.stores.engine.store import EngineStore
from askmesh_vectordb.stores.qdrant.store import open_store
from hypothesis import given, settings
from hypothesis import strategies as st

from .test_local_differential import DIMENSION, OPERATIONS, Pair

EXAMPLES = 200 if os.environ.get("ASKMESH_LONG_TESTS") else 6


class QdrantPair(Pair):
    def opened(self) -> EngineStore:  # type: ignore[override]
        url = str(self.folder / "qdrant")
        return open_store(Settings(_env_file=None, store="qdrant", qdrant_url=url, data_path=self.folder))


@pytest.mark.timeout(1200 if os.environ.get("ASKMESH_LONG_TESTS") else 120)
@settings(max_examples=EXAMPLES, deadline=None)
@given(
    metric=st.sampled_from(["cosine", "dotproduct", "euclidean"]),
    operations=st.lists(OPERATIONS, min_size=4, max_size=25),
)
def test_the_store_answers_as_the_model_does(metric: Metric, operations: list[Any]) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            pair = QdrantPair(Path(folder), metric, 0)
            await pair.store.ensure_index(IndexInfo("docs", DIMENSION, metric))
            for operation in operations:
                await pair.apply(operation)
            for namespace in ("", "other"):
                await pair.apply(("query", namespace, [1, 2, 3], None, 9))
            await pair.store.close()

    asyncio.run(run())
