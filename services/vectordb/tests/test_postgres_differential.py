"""Random sequences of operations give the postgres store and a plain model the same answers."""

import asyncio
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from askmesh_vectordb.stores.base import IndexInfo, IndexNotFound, Metric
from askmesh_vectordb.stores.postgres.store import PostgresStore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .test_local_differential import DIMENSION, OPERATIONS, Pair

EXAMPLES = 300 if os.environ.get("ASKMESH_LONG_TESTS") else 10


class PostgresPair(Pair):
    def __init__(self, url: str, folder: Path, metric: Metric, exact_limit: int) -> None:
        self.url = url
        super().__init__(folder, metric, exact_limit)

    def opened(self) -> PostgresStore:  # type: ignore[override]
        return PostgresStore(self.url, folder=self.folder, schema="askmesh_test", exact_limit=self.exact_limit)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    metric=st.sampled_from(["cosine", "dotproduct", "euclidean"]),
    # With a limit of 0 the approximate index has its say over these few vectors too, and finds all of them.
    exact_limit=st.sampled_from([0, 3, 3000]),
    operations=st.lists(OPERATIONS, min_size=4, max_size=25),
)
def test_the_store_answers_as_the_model_does(
    postgres_url: str, metric: Metric, exact_limit: int, operations: list[Any]
) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            pair = PostgresPair(postgres_url, Path(folder), metric, exact_limit)
            with suppress(IndexNotFound):
                await pair.store.drop_index("docs")
            await pair.store.ensure_index(IndexInfo("docs", DIMENSION, metric))
            for operation in operations:
                await pair.apply(operation)
            for namespace in ("", "other"):
                await pair.apply(("query", namespace, [1, 2, 3], None, 9))
            await pair.store.drop_index("docs")
            await pair.store.close()

    asyncio.run(run())
