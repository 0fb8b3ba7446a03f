"""LanceDB in process, in an environment of its own; IVF_HNSW_SQ, as its documentation recommends."""

from typing import Any

import lancedb
import pyarrow as pa

from bench.vectordb.contenders.base import EF_CONSTRUCTION, EF_SEARCH, Contender, M


class Lance(Contender):
    def open(self) -> None:
        fields = [("id", pa.int64()), ("n", pa.int64()), ("vector", pa.list_(pa.float32(), self.dimension))]
        self._schema = pa.schema(fields)
        database = lancedb.connect(self.folder / "data")
        self._table = database.create_table("bench", schema=self._schema, exist_ok=True)

    def write(self, first: int, vectors: Any) -> None:
        numbers = pa.array(range(first, first + len(vectors)), pa.int64())
        values = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), self.dimension)
        batch = pa.table([numbers, numbers, values], schema=self._schema)
        if len(vectors) == 1:
            self._table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all().execute(batch)
        else:
            self._table.add(batch)

    def finish(self) -> None:
        self._table.create_scalar_index("n")
        self._table.create_scalar_index("id")
        self._table.create_index(
            metric="cosine", index_type="IVF_HNSW_SQ", num_partitions=1, m=M, ef_construction=EF_CONSTRUCTION
        )
        self._table.optimize()

    def query(self, vector: Any, top_k: int, below: int | None) -> list[int]:
        asked = self._table.search(vector).distance_type("cosine").ef(EF_SEARCH).refine_factor(2).limit(top_k)
        if below is not None:
            asked = asked.where(f"n < {below}", prefilter=True)
        found: list[int] = asked.select(["id", "n"]).to_arrow()["id"].to_pylist()
        return found

    def close(self) -> None:
        # As its documentation advises after small writes, which slow it down: the next measurement begins as this one.
        self._table.optimize()
        self._table = None
