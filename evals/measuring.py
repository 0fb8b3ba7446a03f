"""Asks a running mesh and notes what came back: ranks of gold places, answers, abstentions, times."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2
from fusions import FUSIONS
from questions import EvalQuestion

# What the vector database ranks itself, then the same candidates fused in other ways.
SEARCHES = ("dense", "lexical", "hybrid")
MODES = (*SEARCHES, *FUSIONS)


@dataclass
class Asked:
    """One question and what became of it."""

    question: EvalQuestion
    ranks: dict[str, int | None]
    passage_rank: int | None
    outcome: str
    answer: str
    citations: list[dict[str, Any]]
    seconds: float
    timings_ms: dict[str, float] = field(default_factory=dict)

    @property
    def cites_gold(self) -> bool:
        return any(self.question.is_gold(place) for place in self.citations)


class Measurer:
    """Asks over one collection. `index` is where its records are; `top_k` how deep rankings are read."""

    def __init__(self, bot: str, embeddings: str, vectordb: str, collection: str, top_k: int = 40) -> None:
        self._bot, self._embeddings, self._vectordb = bot, embeddings, vectordb
        self._collection, self._top_k = collection, top_k
        self._http = httpx2.Client(timeout=120, trust_env=False)

    def ask_all(self, questions: Sequence[EvalQuestion]) -> Iterator[Asked]:
        """Every question, one after another, so that times are those of one asker."""
        index = self._index()
        for question in questions:
            ranks = self._ranks(question, index)
            began = time.perf_counter()
            body = {"question": question.text, "collection": self._collection}
            answer = self._post(f"{self._bot}/v1/ask", body)
            seconds = time.perf_counter() - began
            yield Asked(
                question,
                ranks,
                first_gold(question, answer["passages"]),
                answer["outcome"],
                answer["answer"],
                answer["citations"],
                seconds,
                answer["timings_ms"],
            )

    def learn(self, folder: str, title: str) -> dict[str, Any]:
        """Bring the corpus up to date. Returns the last progress."""
        body = {"kind": "tree", "location": folder, "title": title, "collection": self._collection}
        source = self._post(f"{self._bot}/v1/sources", body)["source"]
        while True:
            found: dict[str, Any] = self._get(f"{self._bot}/v1/sources/{source}")
            if found["status"] not in {"new", "syncing"}:
                break
            time.sleep(1)
        if found["status"] != "ready":
            raise SystemExit(f"The corpus could not be learned: {found['error']}")
        return found

    def configuration(self, llm: str) -> dict[str, Any]:
        """The models that were measured."""
        return {
            "embeddings": self._get(f"{self._embeddings}/v1/models")["data"][0],
            "llm": self._get(f"{llm}/v1/models")["data"][0],
            "index": self._index(),
        }

    def _ranks(self, question: EvalQuestion, index: str) -> dict[str, int | None]:
        if not question.gold:
            return dict.fromkeys(MODES)
        found = {mode: self._search(question, index, mode) for mode in SEARCHES}
        found |= {name: fuse(found["hybrid"]) for name, fuse in FUSIONS.items()}
        return {mode: first_gold(question, [match["metadata"] for match in matches]) for mode, matches in found.items()}

    def _search(self, question: EvalQuestion, index: str, mode: str) -> list[dict[str, Any]]:
        search: dict[str, Any] = {"topK": self._top_k, "namespace": self._collection, "includeMetadata": True}
        if mode != "dense":
            search["text"] = question.text
        if mode != "lexical":
            search["vector"] = self._vector(question.text)
        matches: list[dict[str, Any]] = self._post(f"{self._vectordb}/indexes/{index}/search", search)["matches"]
        return matches

    def _vector(self, text: str) -> list[float]:
        body = {"input": text, "input_type": "query"}
        vector: list[float] = self._post(f"{self._embeddings}/v1/embeddings", body)["data"][0]["embedding"]
        return vector

    def _index(self) -> str:
        """The index that holds the collection: its tag is the running model's fingerprint."""
        fingerprint = self._get(f"{self._embeddings}/v1/models")["data"][0]["fingerprint"]
        indexes = self._get(f"{self._vectordb}/indexes")["indexes"]
        return str(next(item["name"] for item in indexes if (item.get("tags") or {}).get("fingerprint") == fingerprint))

    def _post(self, url: str, body: dict[str, Any]) -> Any:
        return self._answer(self._http.post(url, json=body))

    def _get(self, url: str) -> Any:
        return self._answer(self._http.get(url))

    def _answer(self, response: "httpx2.Response") -> Any:
        if response.is_error:
            raise SystemExit(f"{response.request.url} answered {response.status_code}: {response.text[:500]}")
        return response.json()


def first_gold(question: EvalQuestion, places: Sequence[dict[str, Any]]) -> int | None:
    """The rank of the first place that overlaps a gold span, from 1."""
    return next((rank for rank, place in enumerate(places, start=1) if question.is_gold(place)), None)
