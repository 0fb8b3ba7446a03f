"""The plainest store there could be: what a real one's answers are compared with."""

import numpy as np
from askmesh_vectordb.filters import Filter
from askmesh_vectordb.stores.base import Metadata, Metric, Record, Vector


class Model:
    """Records by namespace and id, searched one by one in float64."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self.namespaces: dict[str, dict[str, Record]] = {}

    def upsert(self, namespace: str, records: list[Record]) -> None:
        self.namespaces.setdefault(namespace, {}).update({record.id: record for record in records})

    def update(self, namespace: str, chosen: list[str], values: Vector | None, changes: Metadata) -> None:
        for name in chosen:
            old = self.namespaces[namespace][name]
            kept = old.values if values is None else values
            self.namespaces[namespace][name] = Record(name, kept, {**old.metadata, **changes})

    def delete(self, namespace: str, chosen: list[str]) -> None:
        for name in chosen:
            del self.namespaces[namespace][name]

    def select(self, namespace: str, chosen: Filter | None = None) -> list[str]:
        """Ids in order."""
        records = self.namespaces.get(namespace, {}).values()
        return sorted(record.id for record in records if chosen is None or chosen.matches(record.metadata))

    def query(self, namespace: str, vector: Vector, chosen: Filter | None) -> list[tuple[str, float]]:
        """Every selected record with its score, best first, ties by id."""
        records = self.namespaces.get(namespace, {})
        scored = [(name, self._score(vector, records[name])) for name in self.select(namespace, chosen)]
        return sorted(scored, key=lambda pair: (-pair[1], pair[0]))

    def counts(self) -> dict[str, int]:
        return {name: len(records) for name, records in self.namespaces.items() if records}

    def _score(self, vector: Vector, record: Record) -> float:
        assert record.values is not None
        query, values = vector.astype(np.float64), record.values.astype(np.float64)
        if self._metric == "euclidean":
            return -float(np.sum((query - values) ** 2))
        if self._metric == "cosine":
            return float(query @ values / (np.linalg.norm(query) * np.linalg.norm(values)))
        return float(query @ values)
