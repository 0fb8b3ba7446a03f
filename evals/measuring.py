"""Asks a running mesh and notes what came back: ranks of gold places, answers, abstentions, signals, times."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from typing import Any

import httpx2
from askmesh_bot.answering.calibration import Weights, weights_of
from askmesh_bot.answering.conflicts import REMARKS
from askmesh_bot.answering.named_sources import plain
from askmesh_bot.answering.reranking import reordered, text_of
from askmesh_bot.answering.retrieval import candidate, ordered
from askmesh_bot.answering.sufficiency import measure
from askmesh_bot.peers.reranker import RerankerClient
from askmesh_bot.peers.vectordb import Match
from askmesh_bot.settings import RerankerPeer
from fusions import FUSIONS, STEPS
from measures import holds_facts
from questions import EvalQuestion, Span

# One row per step: the rankings of the database, the bot's own order of the hybrid candidates, other orders of them, and
# what the model got to read (without near-duplicates).
SEARCHES = ("dense", "lexical", "rrf k=60")
# Where a reranker is configured; then `as served` is its order.
UNRANKED = "before reranking"
AS_SERVED = "as served"
# What any reranker of so many could earn at most.
_FIRST = 20
BEST = f"the best order of the first {_FIRST}"
SHOWN = "shown to the model"
MODES = (*SEARCHES, *FUSIONS, *STEPS, UNRANKED, AS_SERVED, BEST, SHOWN)


@dataclass
class Asked:
    """One question and what became of it. `gold_cited` tells of each citation whether it overlaps a gold span, and
    `fact_cited` whether its passage holds the answer, there or elsewhere."""

    id: str
    corpus: str
    style: str
    half: str
    answerable: bool
    question: str
    # Of each ranking: where the first gold place is, and where each gold place is that it holds.
    ranks: dict[str, int | None]
    gold_ranks: dict[str, list[int]]
    # How many gold places any of the rankings holds.
    gold_places: int
    outcome: str
    reason: str
    answer: str
    facts: bool
    gold_cited: list[bool]
    fact_cited: list[bool]
    cited: list[str]
    # The gate's similarity, coverage, missing, agreement and unknown_name.
    signals: list[float]
    # The gate's probability that there is an answer.
    chance: float
    # By how much the best passage leads that of another document, in the served order's scores.
    lead: float
    seconds: float
    timings_ms: dict[str, float] = field(default_factory=dict)
    passages: list[dict[str, Any]] = field(default_factory=list)


class Measurer:
    """Asks over collections, which are named as their corpora. `top_k` is how deep rankings are read."""

    def __init__(self, bot: str, embeddings: str, vectordb: str, top_k: int = 40, reranker: str = "") -> None:
        self._bot, self._embeddings, self._vectordb, self._top_k = bot, embeddings, vectordb, top_k
        self._reranker = RerankerPeer(url=reranker) if reranker else None
        self._http = httpx2.Client(timeout=120, trust_env=False)
        self._index_name = ""
        self._gate: Weights | None = None

    def ask(self, question: EvalQuestion) -> Asked:
        """One question, alone, so that times are those of one asker."""
        found = self._search(question, "rrf k=60")
        matches = [match_of(item) for item in found]
        served = ordered(question.text, matches)
        signals = measure(plain(question.text, matches), [candidate(match) for match in served])
        began = time.perf_counter()
        answer = self._post(f"{self._bot}/v1/ask", {"question": question.text, "collection": question.asked_of})
        seconds = time.perf_counter() - began
        # What is cited because it disagrees with the answer is not there to support it.
        citations = [one for one in answer["citations"] if not one["sentence"].startswith(REMARKS)]
        # As the model read them: the bot numbers them anew, by their first citation.
        shown = sorted(answer["passages"], key=lambda place: -place["score"])
        places = self._places(question, found, served, shown) if question.gold else {}
        return Asked(
            id=question.id,
            corpus=question.corpus,
            style=question.style,
            half=question.half,
            answerable=question.answerable,
            question=question.text,
            ranks={mode: min(told.values(), default=None) for mode, told in places.items()},
            gold_ranks={mode: sorted(set(told.values())) for mode, told in places.items()},
            gold_places=len({span for told in places.values() for span in told}),
            outcome=answer["outcome"],
            reason=answer["reason"],
            answer=answer["answer"],
            facts=answer["outcome"] == "answered"
            and holds_facts(answer["answer"], question.key_facts, any_of_them=question.any_fact),
            gold_cited=[question.is_gold(place) for place in citations],
            fact_cited=[
                question.is_gold(place) or holds_facts(place["text"], question.key_facts, any_of_them=question.any_fact)
                for place in citations
            ],
            cited=[f"{place['path']}:{place['line_start']}-{place['line_end']}" for place in citations],
            signals=[round(float(value or 0), 4) for value in astuple(signals)[:5]],
            chance=round(signals.chance(self._weights()), 4),
            lead=round(lead_of(served), 4),
            seconds=round(seconds, 3),
            timings_ms=answer["timings_ms"],
            passages=[
                {"number": number} | {key: place[key] for key in ("header", "text", "path", "line_start", "line_end")}
                for number, place in enumerate(shown, start=1)
            ],
        )

    def search(self, collection: str, text: str) -> list[dict[str, Any]]:
        """The database's hybrid matches for a text."""
        return self._search(EvalQuestion("", text, "", "", True, (), (), collection), "rrf k=60")

    def converse(self, collection: str, questions: Sequence[str]) -> dict[str, Any]:
        """The answer to the last of several questions of one conversation."""
        answer: dict[str, Any] = {}
        for text in questions:
            body = {"question": text, "collection": collection}
            body |= {"conversation_id": answer["conversation_id"]} if answer else {}
            answer = self._post(f"{self._bot}/v1/ask", body)
        return answer

    def learn(self, collection: str, folder: str, title: str, kind: str = "tree") -> dict[str, Any]:
        """Bring the corpus up to date; only what changed is embedded. Returns the last progress."""
        body = {"kind": kind, "location": folder, "title": title, "collection": collection}
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
        """The models that are measured."""
        return {
            "embeddings": self._get(f"{self._embeddings}/v1/models")["data"][0],
            "llm": self._get(f"{llm}/v1/models")["data"][0],
            "index": self._index(),
        }

    def _places(
        self, question: EvalQuestion, found: list[dict[str, Any]], served: Sequence[Match], shown: list[dict[str, Any]]
    ) -> dict[str, dict[Span, int]]:
        """Of each ranking, where it has which gold place."""
        orders = {mode: self._search(question, mode) for mode in ("dense", "lexical")}
        orders |= {"rrf k=60": found} | {name: fuse(found) for name, fuse in FUSIONS.items()}
        rankings = {mode: [match["metadata"] for match in matches] for mode, matches in orders.items()}
        matches = [match_of(item) for item in found]
        for name, order in STEPS.items():
            rankings[name] = [dict(match.metadata) for match in order(question.text, matches)]
        rankings[UNRANKED if self._reranker else AS_SERVED] = [dict(match.metadata) for match in served]
        if self._reranker:
            rankings[AS_SERVED] = [dict(match.metadata) for match in self._reranked(question.text, served)]
        rankings[SHOWN] = shown
        places = {mode: gold_ranks(question, ranking) for mode, ranking in rankings.items()}
        near = [span for span, rank in places[UNRANKED if self._reranker else AS_SERVED].items() if rank <= _FIRST]
        return places | {BEST: {span: rank for rank, span in enumerate(near, start=1)}}

    def _reranked(self, text: str, served: Sequence[Match]) -> list[Match]:
        """The served order with its first matches as the configured reranker has them, as the bot does it."""
        assert self._reranker
        first = [candidate(match) for match in served[: self._reranker.candidates]]
        scores = asyncio.run(_scores(self._reranker, text, [text_of(one) for one in first])) if len(first) > 1 else [1]
        by_id = {match.id: match for match in served}
        return [*(by_id[one.passage.id] for one in reordered(text, first, scores)), *served[len(first) :]]

    def _search(self, question: EvalQuestion, mode: str) -> list[dict[str, Any]]:
        search: dict[str, Any] = {"topK": self._top_k, "namespace": question.asked_of, "includeMetadata": True}
        if mode != "dense":
            search["text"] = question.text
        if mode != "lexical":
            search["vector"] = self._vector(question.text)
        found: list[dict[str, Any]] = self._post(f"{self._vectordb}/indexes/{self._index()}/search", search)["matches"]
        return found

    def _vector(self, text: str) -> list[float]:
        body = {"input": text, "input_type": "query"}
        vector: list[float] = self._post(f"{self._embeddings}/v1/embeddings", body)["data"][0]["embedding"]
        return vector

    def _weights(self) -> Weights:
        """The gate's, for the running embedding model."""
        if self._gate is None:
            model = self._get(f"{self._embeddings}/v1/models")["data"][0]
            self._gate = weights_of(model["fingerprint"], model["id"])
        return self._gate

    def _index(self) -> str:
        """The index that holds the collections: its tag is the running model's fingerprint."""
        if not self._index_name:
            fingerprint = self._get(f"{self._embeddings}/v1/models")["data"][0]["fingerprint"]
            indexes = self._get(f"{self._vectordb}/indexes")["indexes"]
            ours = (item for item in indexes if (item.get("tags") or {}).get("fingerprint") == fingerprint)
            self._index_name = str(next(ours)["name"])
        return self._index_name

    def _post(self, url: str, body: dict[str, Any]) -> Any:
        return self._answer(self._http.post(url, json=body))

    def _get(self, url: str) -> Any:
        return self._answer(self._http.get(url))

    def _answer(self, response: "httpx2.Response") -> Any:
        if response.is_error:
            raise SystemExit(f"{response.request.url} answered {response.status_code}: {response.text[:500]}")
        return response.json()


def pooled(asked: Sequence[Asked]) -> list[Asked]:
    """What figures over all sets are made from: questions that name their source were written to be told apart by it."""
    return [item for item in asked if not item.corpus.startswith("sources")]


def lead_of(served: Sequence[Match]) -> float:
    """The best score less the best one of another document."""
    if not served:
        return 0.0
    first = served[0].metadata.get("document")
    return served[0].score - next((one.score for one in served if one.metadata.get("document") != first), 0.0)


async def _scores(settings: RerankerPeer, text: str, documents: Sequence[str]) -> list[float]:
    client = RerankerClient(settings)
    try:
        return await client.scores(text, documents)
    finally:
        await client.close()


def gold_ranks(question: EvalQuestion, places: Sequence[dict[str, Any]]) -> dict[Span, int]:
    """The rank of the first place that overlaps each gold span, from 1; of spans that one place shows, the first counts."""
    found: dict[Span, int] = {}
    for rank, place in enumerate(places, start=1):
        span = next((span for span in question.gold if span not in found and span.overlaps(place)), None)
        if span is not None:
            found[span] = rank
    return found


def first_gold(question: EvalQuestion, places: Sequence[dict[str, Any]]) -> int | None:
    """The rank of the first place that overlaps a gold span, from 1."""
    return next((rank for rank, place in enumerate(places, start=1) if question.is_gold(place)), None)


def match_of(item: dict[str, Any]) -> Match:
    """A match of the search API as the bot sees it."""
    ranks, scores = item["ranks"], item["scores"]
    dense, lexical = scores["dense"], scores["lexical"]
    return Match(item["id"], item["score"], item["metadata"], dense, ranks["dense"], ranks["lexical"], lexical)
