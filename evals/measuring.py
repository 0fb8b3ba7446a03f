"""Asks a running mesh and notes what came back: ranks of gold places, answers, abstentions, signals, times."""

import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from typing import Any

import httpx2
from askmesh_bot.answering.calibration import Weights, weights_of
from askmesh_bot.answering.conflicts import REMARKS
from askmesh_bot.answering.fusion import of_version, rescored
from askmesh_bot.answering.retrieval import candidate
from askmesh_bot.answering.sufficiency import measure
from askmesh_bot.peers.vectordb import Match
from fusions import FUSIONS, STEPS
from measures import holds_facts
from questions import EvalQuestion

# One row per step: the rankings of the database, the bot's own order of the hybrid candidates, other orders of them, and
# what the model got to read (without near-duplicates).
SEARCHES = ("dense", "lexical", "rrf k=60")
AS_SERVED = "as served"
SHOWN = "shown to the model"
MODES = (*SEARCHES, *FUSIONS, *STEPS, AS_SERVED, SHOWN)


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
    ranks: dict[str, int | None]
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

    def __init__(self, bot: str, embeddings: str, vectordb: str, top_k: int = 40) -> None:
        self._bot, self._embeddings, self._vectordb, self._top_k = bot, embeddings, vectordb, top_k
        self._http = httpx2.Client(timeout=120, trust_env=False)
        self._index_name = ""
        self._gate: Weights | None = None

    def ask(self, question: EvalQuestion) -> Asked:
        """One question, alone, so that times are those of one asker."""
        found = self._search(question, "rrf k=60")
        matches = [match_of(item) for item in found]
        served = of_version(question.text, rescored(question.text, matches))
        signals = measure(question.text, [candidate(match) for match in served])
        began = time.perf_counter()
        answer = self._post(f"{self._bot}/v1/ask", {"question": question.text, "collection": question.corpus})
        seconds = time.perf_counter() - began
        # What is cited because it disagrees with the answer is not there to support it.
        citations = [one for one in answer["citations"] if not one["sentence"].startswith(REMARKS)]
        # As the model read them: the bot numbers them anew, by their first citation.
        shown = sorted(answer["passages"], key=lambda place: -place["score"])
        return Asked(
            id=question.id,
            corpus=question.corpus,
            style=question.style,
            half=question.half,
            answerable=question.answerable,
            question=question.text,
            ranks=self._ranks(question, found, served, shown) if question.gold else {},
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

    def _ranks(
        self, question: EvalQuestion, found: list[dict[str, Any]], served: Sequence[Match], shown: list[dict[str, Any]]
    ) -> dict[str, int | None]:
        places = {mode: self._search(question, mode) for mode in ("dense", "lexical")}
        places |= {"rrf k=60": found} | {name: fuse(found) for name, fuse in FUSIONS.items()}
        ranks = {
            mode: first_gold(question, [match["metadata"] for match in matches]) for mode, matches in places.items()
        }
        matches = [match_of(item) for item in found]
        for name, order in STEPS.items():
            ranks[name] = first_gold(question, [dict(match.metadata) for match in order(question.text, matches)])
        ranks[AS_SERVED] = first_gold(question, [dict(match.metadata) for match in served])
        ranks[SHOWN] = first_gold(question, shown)
        return ranks

    def _search(self, question: EvalQuestion, mode: str) -> list[dict[str, Any]]:
        search: dict[str, Any] = {"topK": self._top_k, "namespace": question.corpus, "includeMetadata": True}
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


def lead_of(served: Sequence[Match]) -> float:
    """The best score less the best one of another document."""
    if not served:
        return 0.0
    first = served[0].metadata.get("document")
    return served[0].score - next((one.score for one in served if one.metadata.get("document") != first), 0.0)


def first_gold(question: EvalQuestion, places: Sequence[dict[str, Any]]) -> int | None:
    """The rank of the first place that overlaps a gold span, from 1."""
    return next((rank for rank, place in enumerate(places, start=1) if question.is_gold(place)), None)


def match_of(item: dict[str, Any]) -> Match:
    """A match of the search API as the bot sees it."""
    ranks, scores = item["ranks"], item["scores"]
    dense, lexical = scores["dense"], scores["lexical"]
    return Match(item["id"], item["score"], item["metadata"], dense, ranks["dense"], ranks["lexical"], lexical)
