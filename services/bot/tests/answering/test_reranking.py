"""A configured reranker decides the order; one that is down, slow or wrong decides nothing, and every answer comes."""

import asyncio
import gzip
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from askmesh_bot.answering.reranking import reordered
from askmesh_bot.answering.retrieval import Candidate
from askmesh_bot.app import create_app
from askmesh_bot.frontends.shell.commands import app
from askmesh_bot.peers.reranker import RerankerClient
from askmesh_bot.settings import RerankerPeer, Settings
from bot_mesh import ScriptedLlm, Server, serving, until, until_ready
from bot_passages import passage
from fastapi import FastAPI, Request, Response
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

READ = "How do I read a whole text file into a string with pathlib?"
ELSEWHERE = "Who won the football world championship of 1954?"


@dataclass
class ScriptedReranker:
    """A server of Cohere's and Jina's API that answers what a test tells it to, and remembers what it was asked."""

    score: Callable[[str], float] = len
    # Instead of a ranking: a status, or a status and a body.
    instead: int | bytes | Callable[[int], Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    pause_s: float = 0.0
    knows_truncate: bool = True
    requests: list[dict[str, Any]] = field(default_factory=list)
    left: int = 0

    def app(self) -> FastAPI:
        app = FastAPI()
        for path in ("/v1/rerank", "/v2/rerank"):
            app.post(path)(self.rerank)
        return app

    async def rerank(self, request: Request) -> Response:
        body = await request.json()
        self.requests.append({"path": request.url.path, **body})
        for _ in range(round(self.pause_s / 0.05)):
            await asyncio.sleep(0.05)
            if await request.is_disconnected():
                self.left += 1
                return Response(status_code=499)
        if not self.knows_truncate and "truncate" in body:
            return Response('{"message": "unknown field: truncate"}', 422)
        if isinstance(self.instead, int):
            return Response('{"error": {"message": "no"}}', self.instead)
        if isinstance(self.instead, bytes):
            return Response(self.instead, headers=self.headers)
        told = self.instead(len(body["documents"])) if self.instead else self.ranking(body["documents"])
        return Response(json.dumps(told), media_type="application/json")

    def ranking(self, documents: list[str]) -> Any:
        results = [{"index": place, "relevance_score": self.score(text)} for place, text in enumerate(documents)]
        return {"model": "scripted", "results": sorted(results, key=lambda one: -one["relevance_score"])}


@pytest.fixture
def reranker() -> ScriptedReranker:
    return ScriptedReranker()


@pytest.fixture
def start(learned: Settings, scripted: ScriptedLlm, reranker: ScriptedReranker) -> Iterator[Callable[..., str]]:
    """Starts a bot with the scripted model and the scripted reranker; takes the reranker's settings."""
    with ExitStack() as stack:
        llm, url = (stack.enter_context(serving(one.app)).url for one in (scripted, reranker))

        def bot(**values: Any) -> str:
            peer = RerankerPeer(
                _env_file=None, **{"url": url, "timeout_s": 60.0, "connect_timeout_s": 60.0, "rest_s": 0.0} | values
            )
            changed = {"llm": learned.llm.model_copy(update={"url": llm}), "reranker": peer}
            return stack.enter_context(serving(lambda: create_app(learned.model_copy(update=changed)))).url

        yield bot


def ask(url: str, question: str = READ) -> dict[str, Any]:
    response = httpx2.post(f"{url}/v1/ask", json={"question": question}, timeout=100)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def read_by_the_model(scripted: ScriptedLlm) -> list[str]:
    """The passages' headers in the last prompt, in their order."""
    return re.findall(r"(?m)^\[\d+ [0-9a-f]{8}\] (.*)$", scripted.requests[-1]["messages"][-1]["content"])


def test_the_model_reads_in_the_rerankers_order(
    start: Callable[..., str], scripted: ScriptedLlm, reranker: ScriptedReranker
) -> None:
    scripted.reply = "Open the file in text mode, write to it, and close the file. [1]"
    reranker.score = lambda text: float("Path.write_text" in text) - 1000
    answer = ask(start(candidates=12, model="cross"))
    asked = reranker.requests[0]
    assert (len(asked["documents"]), asked["top_n"], asked["query"], asked["model"]) == (12, 12, READ, "cross")
    assert asked["documents"][0].startswith("pathlib.Path.read_text(")
    assert read_by_the_model(scripted)[0].startswith("pathlib.Path.write_text(")
    assert answer["citations"][0]["header"].startswith("pathlib.Path.write_text(")
    assert answer["timings_ms"]["rerank"] > 0
    shown = [place["score"] for place in answer["passages"]]
    assert shown == sorted(shown, reverse=True)


def ranked(change: Callable[[list[dict[str, Any]]], Any]) -> Callable[[int], Any]:
    """A ranking of n documents in the opposite order, spoiled."""

    def told(count: int) -> Any:
        results = [{"index": place, "relevance_score": place / count} for place in reversed(range(count))]
        return {"results": change(results)}

    return told


def last_scored(value: Any) -> Callable[[int], Any]:
    return ranked(lambda results: [*results[:-1], {"index": 0, "relevance_score": value}])


BAD = {
    "no reranker": 501,
    "broken": 500,
    "busy": 429,
    "wrong key": 401,
    "refused": 400,
    "not json": b"<html>",
    "empty": b"",
    "too deep": b"[" * 100_000,
    "not packed": b"no gzip",
    "a list": lambda _: [],
    "null": lambda _: None,
    "no results": lambda _: {"data": []},
    "null results": lambda _: {"results": None},
    "strings": ranked(lambda results: ["first"] * len(results)),
    "nothing ranked": ranked(lambda _: []),
    "too few": ranked(lambda results: results[:-1]),
    "too many": ranked(lambda results: [*results, results[0]]),
    "one twice": ranked(lambda results: [*results[:-1], results[0]]),
    "out of range": ranked(lambda results: [*results[:-1], {"index": len(results), "relevance_score": 1.0}]),
    "negative": ranked(lambda results: [*results[:-1], {"index": -1, "relevance_score": 1.0}]),
    "a text for an index": ranked(lambda results: [*results[:-1], {"index": "0", "relevance_score": 1.0}]),
    "true for an index": ranked(lambda results: [{**one, "index": bool(one["index"])} for one in results]),
    "not a number": last_scored(float("nan")),
    "infinite": last_scored(float("inf")),
    "too large": last_scored(10**400),
    "a text for a score": last_scored("0.9"),
    "no score": last_scored(None),
}


def test_whatever_else_it_says_the_order_stays(
    start: Callable[..., str], scripted: ScriptedLlm, reranker: ScriptedReranker
) -> None:
    scripted.reply = "Open the file in text mode, read it, and close the file. [1]"
    reranker.score = lambda _: 0.5
    bot = start()
    ask(bot)
    usual = read_by_the_model(scripted)
    assert usual[0].startswith("pathlib.Path.read_text(")
    reranker.instead = ranked(lambda results: results)
    ask(bot)
    assert read_by_the_model(scripted) != usual
    for name, instead in BAD.items():
        reranker.instead = instead
        reranker.headers = {"Content-Encoding": "gzip"} if name == "not packed" else {}
        answer = ask(bot)
        assert answer["outcome"] == "answered", name
        assert read_by_the_model(scripted) == usual, name
        assert "rerank" in answer["timings_ms"], name
    assert len(reranker.requests) >= len(BAD) + 2
    metrics = httpx2.get(f"{bot}/metrics", timeout=60).text
    assert 'askmesh_rerankings_total{outcome="reranked"} 2.0' in metrics
    assert f'askmesh_rerankings_total{{outcome="failed"}} {float(len(BAD))}' in metrics


def test_it_is_left_out_on_demand_and_eval_tells_what_it_earned(
    start: Callable[..., str], scripted: ScriptedLlm, reranker: ScriptedReranker, tmp_path: Path
) -> None:
    scripted.reply = "Open the file in text mode, write to it, and close the file. [1]"
    reranker.score = lambda text: float("Path.write_text" in text)
    bot = start()
    body = {"question": READ, "rerank": False}
    assert "rerank" not in httpx2.post(f"{bot}/v1/ask", json=body, timeout=100).json()["timings_ms"]
    assert read_by_the_model(scripted)[0].startswith("pathlib.Path.read_text(")
    assert reranker.requests == []
    questions = tmp_path / "q.csv"
    questions.write_text(f"question,gold\n{READ},pathlib.Path.read_text\n{READ},pathlib.Path.write_text\n")
    arguments = ["eval", "-q", questions, "--out", tmp_path, "--compare-reranking", "--json", "--url", bot]
    done = CliRunner().invoke(app, [*map(str, arguments)])
    told = json.loads(done.output)["figures"]
    assert [told[name]["value"] for name in ("hit@1", "hit@1 before reranking", "mrr before reranking")] == [
        0.5,
        0.5,
        pytest.approx(0.667, abs=0.2),
    ]
    assert told["hit@5 before reranking"]["n"] == 2


def test_packed_answers_are_read(start: Callable[..., str], reranker: ScriptedReranker) -> None:
    reranker.headers = {"Content-Encoding": "gzip"}
    results = [{"index": place, "relevance_score": -place} for place in range(20)]
    reranker.instead = gzip.compress(json.dumps({"results": results}).encode())
    bot = start()
    ask(bot)
    assert httpx2.get(f"{bot}/readyz", timeout=60).json()["checks"]["reranker"]["ok"]


@pytest.mark.parametrize("how", ["slow", "gone", "no address"])
def test_one_that_does_not_answer_is_left_alone_for_a_while(
    start: Callable[..., str], scripted: ScriptedLlm, reranker: ScriptedReranker, how: str
) -> None:
    scripted.reply = "Open the file in text mode, read it, and close the file. [1]"
    reranker.pause_s = 60.0
    values = {"slow": {}, "gone": {"url": "http://127.0.0.1:9"}, "no address": {"url": "nowhere"}}[how]
    bot = start(timeout_s=0.5, rest_s=60.0, **values)
    first, second = ask(bot), ask(bot)
    assert first["outcome"] == second["outcome"] == "answered"
    assert max(answer["timings_ms"]["rerank"] for answer in (first, second)) < 30_000
    assert len(reranker.requests) == (how == "slow")
    assert read_by_the_model(scripted)[0].startswith("pathlib.Path.read_text(")
    ready = httpx2.get(f"{bot}/readyz", timeout=60).json()
    assert ready["status"] == "degraded"
    assert "reranker" in ready["checks"]["reranker"]["reason"]
    assert 'askmesh_rerankings_total{outcome="resting"} 1.0' in httpx2.get(f"{bot}/metrics", timeout=60).text


def test_it_is_asked_again_after_its_rest(start: Callable[..., str], reranker: ScriptedReranker) -> None:
    reranker.instead = 501
    bot = start(rest_s=0.3)
    ask(bot)
    reranker.instead = None
    until(lambda: ask(bot) is not None and len(reranker.requests) == 2)
    assert httpx2.get(f"{bot}/readyz", timeout=60).json()["checks"]["reranker"]["ok"]


def test_what_is_wrong_with_one_question_is_no_reason_to_rest(
    start: Callable[..., str], reranker: ScriptedReranker
) -> None:
    bot = start(rest_s=60.0)
    reranker.instead = 400
    ask(bot)
    assert not httpx2.get(f"{bot}/readyz", timeout=60).json()["checks"]["reranker"]["ok"]
    asked, reranker.instead = len(reranker.requests), None
    ask(bot)
    assert len(reranker.requests) == asked + 1


def test_what_is_refused_or_mere_politeness_is_not_reranked(
    start: Callable[..., str], reranker: ScriptedReranker
) -> None:
    bot = start()
    assert ask(bot, ELSEWHERE)["outcome"] == "abstained"
    ask(bot, "Thank you!")
    assert reranker.requests == []


def test_a_reader_who_leaves_stops_it(start: Callable[..., str], reranker: ScriptedReranker) -> None:
    reranker.pause_s = 60.0

    async def leave(url: str) -> None:
        async with httpx2.AsyncClient(timeout=100) as client:
            asking = asyncio.create_task(client.post(f"{url}/v1/ask", json={"question": READ}))
            while not reranker.requests:
                await asyncio.sleep(0.02)
            asking.cancel()
            await asyncio.wait([asking])

    asyncio.run(leave(start()))
    until(lambda: reranker.left == 1)


def test_it_gets_no_more_than_a_share_of_the_time_that_is_left(
    start: Callable[..., str], reranker: ScriptedReranker
) -> None:
    reranker.pause_s = 60.0
    headers = {"X-Request-Deadline-Ms": "8000"}
    response = httpx2.post(f"{start()}/v1/ask", json={"question": READ}, headers=headers, timeout=100)
    # With all of it gone to the reranking there would be no answer.
    assert response.status_code == 200
    assert response.json()["timings_ms"]["rerank"] < 6_000


@pytest.mark.parametrize("given", ["", "/", "/v1", "/v1/rerank", "/v2/rerank"])
def test_addresses_as_people_paste_them(reranker: ScriptedReranker, given: str) -> None:
    with serving(reranker.app) as server:
        client = RerankerClient(RerankerPeer(_env_file=None, url=f"{server.url}{given}"))
        scores = asyncio.run(scores_of(client, ["a", "bcd"]))
    assert scores == [1.0, 3.0]
    assert reranker.requests[0]["path"] == ("/v2/rerank" if "v2" in given else "/v1/rerank")
    assert "model" not in reranker.requests[0]


def test_a_server_that_knows_no_truncate_is_asked_without(reranker: ScriptedReranker) -> None:
    reranker.knows_truncate = False
    with serving(reranker.app) as server:
        client = RerankerClient(RerankerPeer(_env_file=None, url=server.url))

        async def twice() -> list[list[float]]:
            found = [await client.scores("?", ["a", "bc"]) for _ in range(2)]
            await client.close()
            return found

        assert asyncio.run(twice()) == [[1.0, 2.0]] * 2
    assert ["truncate" in request for request in reranker.requests] == [True, False, False]


async def scores_of(client: RerankerClient, documents: list[str]) -> list[float]:
    try:
        return await client.scores("?", documents)
    finally:
        await client.close()


def candidate(number: int, path: str = "guide.md") -> Candidate:
    return Candidate(passage(number, f"text {number}", path=path, score=10.0 - number))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30))
def test_every_candidate_stays_and_places_keep_their_scores(scores: list[float]) -> None:
    candidates = [candidate(number) for number in range(len(scores))]
    found = reordered("What is it?", candidates, scores)
    assert sorted(one.passage.number for one in found) == list(range(len(scores)))
    assert [one.passage.score for one in found] == [one.passage.score for one in candidates]
    order = [one.passage.number for one in found]
    assert order == sorted(order, key=lambda number: -scores[number])


def test_another_version_than_the_one_asked_for_stays_last() -> None:
    candidates = [candidate(0, "docs/2.0/guide.md"), candidate(1, "docs/guide.md"), candidate(2, "docs/1.4/guide.md")]
    found = reordered("What is new in version 2.0?", candidates, [1.0, 2.0, 3.0])
    assert [one.passage.number for one in found] == [1, 0, 2]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random cross-encoder in the layout of cross-encoder/ms-marco-MiniLM-L6-v2."""
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    from askmesh_embeddings.encoders.minilm import locate_package

    folder = tmp_path_factory.mktemp("rerankers") / "tiny"
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}
    torch.manual_seed(5)
    config = transformers.BertConfig(vocab_size=30_522, num_labels=1, initializer_range=0.3, **sizes)
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    shutil.copy(locate_package() / "tokenizer.json", folder)
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 128}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture
def cross_encoder(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    from askmesh_embeddings import app, settings

    cache = tmp_path_factory.getbasetemp().parent / "askmesh-graphs"
    values = {"reranker": "cross-encoder", "reranker_model": str(tiny), "dtype": "fp32", "cache_dir": cache}
    own = settings.Settings(_env_file=None, log_level="warning", lanes=1, **values)
    with serving(lambda: app.create_app(own)) as server:
        until_ready(server.url)
        yield server


@pytest.mark.models
@pytest.mark.timeout(400)  # a slow machine takes its time to load what makes the model
def test_the_embeddings_services_own_reranker(
    start: Callable[..., str], scripted: ScriptedLlm, reranker: ScriptedReranker, cross_encoder: Server
) -> None:
    # What the bot asks is read from the scripted server, what the model says of it from the real one.
    ask(start())
    asked = {key: reranker.requests[0][key] for key in ("query", "documents", "truncate")}
    results = httpx2.post(f"{cross_encoder.url}/v1/rerank", json=asked, timeout=60).json()["results"]
    best = [asked["documents"][result["index"]].split("\n")[0] for result in results]
    answer = ask(start(url=cross_encoder.url))
    shown = read_by_the_model(scripted)
    # Near-duplicates are left out of what is read, the order of the others is the model's.
    assert shown == [header for header in best if header in shown][: len(shown)]
    assert shown[0] == best[0]
    assert answer["timings_ms"]["rerank"] > 0


def test_a_service_without_a_reranker_changes_nothing(
    start: Callable[..., str], scripted: ScriptedLlm, embeddings_server: Server
) -> None:
    scripted.reply = "Open the file in text mode, read it, and close the file. [1]"
    bot = start(url=embeddings_server.url, rest_s=60.0)
    assert ask(bot)["outcome"] == "answered"
    assert "No reranker is configured" in httpx2.get(f"{bot}/readyz", timeout=60).json()["checks"]["reranker"]["reason"]
