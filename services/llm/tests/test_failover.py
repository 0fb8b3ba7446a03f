"""Several upstreams: the next one answers when one fails, and the one that failed is left alone for a while."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from askmesh_kit.errors import ServiceError
from askmesh_llm.engines.base import Chunk, Engine, Message, SamplingParams
from askmesh_llm.engines.openai.engine import OpenAIEngine, create
from askmesh_llm.engines.openai.health import LONGEST_REST_S, Health
from askmesh_llm.engines.openai.upstream import Upstream
from hypothesis import given
from hypothesis import strategies as st

from .conftest import settings

pytestmark = pytest.mark.anyio

ASK = [Message("user", "hello")]
NOBODY = "http://127.0.0.1:9"


class Peer:
    """A loopback server that answers chat requests as told, and keeps what it was asked."""

    def __init__(self, name: str, lengths: dict[str, int] | None = None) -> None:
        self.name, self.lengths = name, lengths or {"main": 4096}
        self.status, self.headers, self.breaks_after = "200 OK", "Retry-After: 0\r\n", 99
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        body = await reader.readexactly(int(fields.get("content-length", 0)))
        if "/chat/completions" in head:
            self.asked.append(json.loads(body))
            self.keys.append(fields.get("authorization", ""))
            writer.write(f"HTTP/1.1 {self.status}\r\nConnection: close\r\n{self.headers}\r\n".encode())
            writer.write(self._answer() if self.status.startswith("200") else b'{"error": {"message": "why"}}')
        elif "/models" in head:
            data = [{"id": name, "max_model_len": length} for name, length in self.lengths.items()]
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + json.dumps({"data": data}).encode())
        else:
            writer.write(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n")
        await writer.drain()

    def _answer(self) -> bytes:
        pieces = [(f"{self.name} ", None), ("says ", None), ("hi", "stop")][: self.breaks_after]
        events = [{"choices": [{"delta": {"content": text}, "finish_reason": end}]} for text, end in pieces]
        return b"".join(b"data: " + json.dumps(item).encode() + b"\n\n" for item in events)


@pytest.fixture
async def peers(raw_server: Callable[..., Any]) -> tuple[Peer, Peer, str]:
    """Two peers, and the value of ASKMESH_LLM_UPSTREAM_URL that names both."""
    one, two = Peer("one"), Peer("two")
    return one, two, f"{await raw_server(one)}/v1, {await raw_server(two)}/v1"


async def ask(engine: Engine, **params: Any) -> str:
    return "".join([chunk.text async for chunk in engine.generate(ASK, SamplingParams(**params))])


def engine_for(url: str, **values: Any) -> Engine:
    return create(settings(engine="openai", upstream_url=url, upstream_timeout_s=30, **values))


@pytest.mark.parametrize(
    "trouble", ["500 Oops", "503 Busy", "502 Bad", "429 Too Many", "401 No", "404 Gone", "cut off"]
)
async def test_the_next_upstream_answers_and_the_failed_one_rests(peers: tuple[Peer, Peer, str], trouble: str) -> None:
    one, two, url = peers
    engine = engine_for(url, upstream_rest_s=60)
    await engine.start()
    one.breaks_after, one.status = (0, "200 OK") if trouble == "cut off" else (99, trouble)
    assert await ask(engine) == "two says hi"
    assert await ask(engine) == "two says hi"
    assert (len(one.asked), len(two.asked)) == (1, 2)  # asked once, then left alone
    one.status, one.breaks_after = "200 OK", 99
    engine._upstreams[0].health.rests_until = 0.0  # its rest is over
    assert await ask(engine) == "one says hi"
    await engine.close()


async def test_an_upstream_that_is_not_there_is_passed_over_even_at_the_start(peers: tuple[Peer, Peer, str]) -> None:
    _, two, url = peers
    engine = engine_for(f"{NOBODY}/v1,{url.split(', ')[1]}")
    await engine.start()
    assert await engine.ready() is None
    assert engine.info.model == "main"
    assert await ask(engine) == "two says hi"
    assert len(two.asked) == 1
    await engine.close()


async def test_a_bad_request_is_not_taken_to_the_next(peers: tuple[Peer, Peer, str]) -> None:
    one, two, url = peers
    one.status = "400 Bad Request"
    engine = engine_for(url)
    with pytest.raises(ServiceError) as caught:
        await ask(engine)
    assert caught.value.status == 400
    assert two.asked == []
    await engine.close()


async def test_half_an_answer_is_never_continued_by_another(peers: tuple[Peer, Peer, str]) -> None:
    one, two, url = peers
    one.breaks_after = 2
    engine = engine_for(url)
    got: list[Chunk] = []

    async def read() -> None:
        async for chunk in engine.generate(ASK, SamplingParams()):
            got.append(chunk)  # noqa: PERF401 - kept when the stream fails

    with pytest.raises(ServiceError) as caught:
        await read()
    assert caught.value.code == "upstream_disconnected"
    assert "".join(chunk.text for chunk in got) == "one says "
    assert two.asked == []
    assert await ask(engine) == "two says hi"  # the next request goes elsewhere
    await engine.close()


async def test_when_all_fail_the_first_ones_error_is_told_and_all_are_tried_again(
    peers: tuple[Peer, Peer, str],
) -> None:
    one, two, url = peers
    one.status, one.headers, two.status = "429 Too Many", "Retry-After: 7\r\n", "500 Oops"
    engine = engine_for(url)
    with pytest.raises(ServiceError) as caught:
        await ask(engine)
    assert (caught.value.status, caught.value.retry_after) == (429, 7)
    two.status = "200 OK"
    assert await ask(engine) == "two says hi"  # both rest, but nobody else is there
    await engine.close()


async def test_a_request_that_waits_for_the_first_does_not_hold_the_others(raw_server: Callable[..., Any]) -> None:
    waited = 0

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal waited
        waited += 1
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(1000)

    soon, late = (settings(upstream_timeout_s=seconds, upstream_rest_s=60) for seconds in (0.3, 30))
    first, second = f"{await raw_server(silent)}/v1", f"{await raw_server(Peer('two'))}/v1"
    engine = OpenAIEngine([Upstream(first, "", "main", {}, soon), Upstream(second, "", "main", {}, late)], late)
    assert await ask(engine) == "two says hi"
    before = waited
    assert await ask(engine) == "two says hi"
    assert waited == before > 0
    await engine.close()


async def test_models_keys_and_names_belong_to_each_upstream(raw_server: Callable[..., Any]) -> None:
    one, two = Peer("one", {"phi3:mini": 4096, "llama": 8192}), Peer("two", {"microsoft/Phi-3": 2048, "llama": 1024})
    engine = engine_for(
        f"{await raw_server(one)}/v1,{await raw_server(two)}/v1",
        upstream_model="phi3:mini,microsoft/Phi-3",
        upstream_api_key="key-one,key-two",
        model_map="big=llama, small=phi3:mini|microsoft/Phi-3",
        model="phi-3",
    )
    await engine.start()
    assert engine.info.model == "phi-3"
    assert dict(engine.info.others) == {"big": 8192, "small": 4096}
    await ask(engine)
    await ask(engine, model="big")
    one.status = "503 Busy"
    await ask(engine, model="small")
    assert [body["model"] for body in one.asked] == ["phi3:mini", "llama", "phi3:mini"]
    assert [body["model"] for body in two.asked] == ["microsoft/Phi-3"]
    assert set(one.keys) == {"bearer key-one"}
    assert set(two.keys) == {"bearer key-two"}
    await engine.close()


def test_a_mapped_model_is_served_under_its_name(serve: Callable[..., str], extractive: str) -> None:
    import httpx2

    url = serve(engine="openai", upstream_url=f"{extractive}/v1", model_map="quotes=askmesh-extractive")
    with httpx2.Client(base_url=url, timeout=60, trust_env=False) as client:
        assert "quotes" in [model["id"] for model in client.get("/v1/models").json()["data"]]
        asked = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}
        answer = client.post("/v1/chat/completions", json=asked | {"model": "quotes"})
        assert answer.json()["model"] == "quotes"
        assert client.post("/v1/chat/completions", json=asked | {"model": "other"}).status_code == 404
        assert client.post("/tokenize", json={"prompt": "one two", "model": "quotes"}).json()["count"] == 2


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"upstream_model": "a,b,c"}, "UPSTREAM_MODEL"),
        ({"upstream_api_key": "a,b,c"}, "UPSTREAM_API_KEY"),
        ({"model_map": "x"}, "MODEL_MAP"),
        ({"model_map": "x=a|b|c"}, "MODEL_MAP"),
    ],
)
def test_lists_that_do_not_fit_say_which(values: dict[str, str], named: str) -> None:
    with pytest.raises(SystemExit, match=named):
        engine_for(f"{NOBODY}/v1,{NOBODY}/v2", **values)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "10.1.2.3"])
def test_a_service_does_not_become_its_own_upstream(host: str) -> None:
    url = f"http://{host}:8123/v1"
    with pytest.raises(SystemExit, match="this service itself"):
        create(settings(engine="openai", upstream_url=url, port=8123, host="10.1.2.3"))
    assert create(settings(engine="openai", upstream_url=url, port=8124, host="10.1.2.3"))


@given(steps=st.lists(st.sampled_from(["fail", "work", "try", "wait"]), max_size=30))
def test_rests_grow_with_failures_end_with_success_and_never_last_beyond_their_limit(steps: list[str]) -> None:
    now, failures = 0.0, 0
    health = Health(1.0, lambda: now)
    for step in steps:
        if step == "fail":
            failures += 1
            health.failed(ServiceError("no"))
            assert health.rests_until - now == min(LONGEST_REST_S, 2.0 ** (failures - 1))
        elif step == "work":
            failures = 0
            health.recovered()
        elif step == "try":
            health.trying()
            assert health.resting == (failures > 0)
        else:
            now += 1.5
        assert health.rests_until - now <= LONGEST_REST_S
        assert failures or not health.resting
