"""Disconnects, overload, deadlines and shutdown, on an engine whose pace the test sets."""

import asyncio
import contextlib
import http.client
import json
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator

import httpx2
import openai
import pytest
from askmesh_kit.errors import UpstreamError
from askmesh_kit.metrics import Metrics
from askmesh_llm.app import create_app
from askmesh_llm.engines.base import Chunk, Engine, EngineInfo, Prompt, SamplingParams, TokenCount, Usage
from askmesh_llm.serving.admission import Admission
from askmesh_llm.serving.generation import Generator
from askmesh_llm.serving.metrics import LlmMetrics
from askmesh_llm.settings import Settings

from .conftest import running, sdk, settings

RUNNING: set[str] = set()
STARTED: list[str] = []
LET_GO = threading.Event()


class Ticker(Engine):
    """Writes a word every 50 ms until `max_tokens`; breaks at the word the prompt names, `break 3`; floods; or, held,
    waits to be let go."""

    @property
    def info(self) -> EngineInfo:
        return EngineInfo("ticker", 10_000)

    async def generate(self, prompt: Prompt, params: SamplingParams) -> AsyncGenerator[Chunk, None]:
        text = prompt if isinstance(prompt, str) else prompt[-1].content
        RUNNING.add(text)
        STARTED.append(text)
        try:
            while "held" in text and not LET_GO.is_set():
                await asyncio.sleep(0.01)
            for number in range(params.max_tokens or 5):
                await asyncio.sleep(0 if text == "flood" else 0.05)
                if text == f"break {number}":
                    raise UpstreamError("It broke.", code="broken")
                if text == f"crash {number}":
                    raise ZeroDivisionError("the launch code is 12345")
                yield Chunk("much " * 10_000 if text == "flood" else f"{number} ")
            yield Chunk("", "stop", Usage(1, params.max_tokens or 5))
        finally:
            RUNNING.discard(text)

    async def count_tokens(self, prompt: Prompt, model: str = "") -> TokenCount:
        return TokenCount(1)


def create(_: Settings) -> Engine:
    return Ticker()


ENGINE = f"{__name__}:create"


@pytest.fixture(autouse=True)
def held() -> Iterator[None]:
    LET_GO.clear()
    STARTED.clear()
    yield
    LET_GO.set()


@pytest.fixture
def ticker() -> Iterator[Callable[..., str]]:
    """`ticker(**settings)` serves the ticking engine, by its import string."""
    with contextlib.ExitStack() as stack:
        yield lambda **values: stack.enter_context(running(create_app(settings(engine=ENGINE, **values))))


def body(text: str, **values: object) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": text}], **values}


def until(true: Callable[[], bool], seconds: float = 60) -> bool:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if true():
            return True
        time.sleep(0.01)
    return true()


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_away_stops_the_generation(ticker: Callable[..., str], stream: bool) -> None:
    url = ticker()
    # Seven minutes of words.
    text, ask = f"long {stream}", json.dumps(body(f"long {stream}", stream=stream, max_tokens=9000))
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    connection.request("POST", "/v1/chat/completions", ask, {"Content-Type": "application/json"})
    if stream:
        assert connection.getresponse().read(1)
    assert until(lambda: text in RUNNING)
    connection.close()
    assert until(lambda: text not in RUNNING)

    def told() -> str:
        return httpx2.get(f"{url}/metrics", timeout=60, trust_env=False).text

    assert until(lambda: "askmesh_llm_active 0.0" in told())
    assert until(lambda: 'outcome="abandoned"' in told())


@pytest.mark.anyio
async def test_a_closed_answer_has_given_its_place_back() -> None:
    metrics = LlmMetrics(Metrics())
    admission = Admission(1, 0, metrics)
    chunks = Generator(Ticker(), admission, metrics, 30).stream("closed", SamplingParams(max_tokens=2), "key/")
    async for chunk in chunks:
        assert admission.active == 1
        if chunk.finish_reason:
            break
    await chunks.aclose()
    assert admission.active == 0
    assert "closed" not in RUNNING


def test_a_client_that_does_not_read_loses_its_place(ticker: Callable[..., str]) -> None:
    url = ticker(max_active=1, stalled_client_s=0.3)
    with httpx2.Client(base_url=url, trust_env=False, timeout=60) as client:
        ask = body("flood", stream=True, max_tokens=100_000)
        with client.stream("POST", "/v1/chat/completions", json=ask) as answer:
            pieces = answer.iter_raw()
            next(pieces)
            assert until(lambda: "flood" not in RUNNING)
            assert client.post("/v1/chat/completions", json=body("next", max_tokens=1)).status_code == 200
            with pytest.raises(httpx2.RemoteProtocolError):
                list(pieces)


def test_a_failure_in_mid_stream_is_an_error_event_without_done(ticker: Callable[..., str]) -> None:
    url = ticker()
    with httpx2.stream(
        "POST", f"{url}/v1/chat/completions", json=body("break 2", stream=True), timeout=60, trust_env=False
    ) as answer:
        lines = [line for line in answer.iter_lines() if line]
    assert json.loads(lines[-1].removeprefix("data: "))["error"]["code"] == "broken"
    assert not any("[DONE]" in line for line in lines)
    with sdk(url) as client, pytest.raises(openai.APIError, match="It broke"):
        list(client.chat.completions.create(model="", messages=[{"role": "user", "content": "break 2"}], stream=True))


def test_an_unexpected_failure_in_mid_stream_tells_no_details(ticker: Callable[..., str]) -> None:
    ask = body("crash 1", stream=True)
    answer = httpx2.post(f"{ticker()}/v1/chat/completions", json=ask, timeout=60, trust_env=False)
    assert "Something went wrong" in answer.text
    assert "12345" not in answer.text


def test_a_failure_before_the_first_word_keeps_its_status(ticker: Callable[..., str]) -> None:
    with sdk(ticker()) as client, pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="", messages=[{"role": "user", "content": "break 0"}], stream=True)
    assert caught.value.status_code == 502


def test_beyond_the_queue_there_is_a_429_with_retry_after(ticker: Callable[..., str]) -> None:
    url = ticker(max_active=1, max_waiting=1)
    answers: list[httpx2.Response] = []
    with httpx2.Client(base_url=url, timeout=60, trust_env=False) as client:

        def ask() -> None:
            answers.append(client.post("/v1/chat/completions", json=body("held", max_tokens=1)))

        threads = [threading.Thread(target=ask) for _ in range(5)]
        for thread in threads:
            thread.start()
        assert until(lambda: len(answers) == 3)
        LET_GO.set()
        for thread in threads:
            thread.join()
    assert [answer.status_code for answer in answers] == [429, 429, 429, 200, 200]
    refused = answers[0]
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"


def test_callers_take_turns(ticker: Callable[..., str]) -> None:
    url = ticker(max_active=1)
    with httpx2.Client(base_url=url, trust_env=False, timeout=60) as client:

        def ask(text: str, user: str) -> None:
            client.post("/v1/chat/completions", json=body(text, max_tokens=1, user=user))

        def begun(number: int) -> bool:
            told = client.get("/metrics").text
            return "askmesh_llm_active 1.0\n" in told and f"askmesh_llm_waiting {number}.0\n" in told

        asked = [("held", "greedy"), ("2", "greedy"), ("3", "greedy"), ("4", "greedy"), ("modest", "modest")]
        threads = [threading.Thread(target=ask, args=each) for each in asked]
        for ahead, thread in enumerate(threads):
            thread.start()
            assert until(lambda ahead=ahead: begun(ahead))
        LET_GO.set()
        for thread in threads:
            thread.join()
    assert STARTED == ["held", "2", "modest", "3", "4"]


def test_the_deadline_ends_a_generation(ticker: Callable[..., str]) -> None:
    url = ticker()
    headers = {"X-Request-Deadline-Ms": "300"}
    with httpx2.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
        whole = client.post("/v1/chat/completions", json=body("late", max_tokens=9000))
        streamed = client.post("/v1/chat/completions", json=body("late", max_tokens=9000, stream=True))
    assert whole.status_code == 504
    assert '"code":"deadline_exceeded"' in streamed.text
    assert "[DONE]" not in streamed.text
    assert until(lambda: "late" not in RUNNING)


def test_at_shutdown_short_answers_finish_and_long_ones_end_with_an_error() -> None:
    texts: dict[str, str] = {}
    statuses: dict[str, int] = {}
    with running(create_app(settings(engine=ENGINE)), grace_s=2) as url:

        def read(name: str, tokens: int) -> None:
            ask = body(name, stream=not name.startswith("whole"), max_tokens=tokens)
            answer = httpx2.post(f"{url}/v1/chat/completions", json=ask, trust_env=False, timeout=60)
            texts[name], statuses[name] = answer.text, answer.status_code

        asked = {"held": 4, "endless": 9000, "whole held": 4, "whole endless": 9000}
        threads = [threading.Thread(target=read, args=item) for item in asked.items()]
        for thread in threads:
            thread.start()
        assert until(lambda: asked.keys() <= RUNNING)
        LET_GO.set()
    for thread in threads:
        thread.join()
    assert texts["held"].endswith("data: [DONE]\n\n")
    assert '"code":"shutting_down"' in texts["endless"]
    assert "[DONE]" not in texts["endless"]
    assert (statuses["whole held"], statuses["whole endless"]) == (200, 503)
    assert '"code":"shutting_down"' in texts["whole endless"]
