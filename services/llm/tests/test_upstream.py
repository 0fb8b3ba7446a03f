"""The openai engine against an upstream that misbehaves in every way a server can."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from askmesh_kit.errors import ServiceError
from askmesh_llm.engines.base import Chunk, ContextLengthExceeded, Message, SamplingParams, TokenLogprob, Usage
from askmesh_llm.engines.openai.engine import OpenAIEngine, create

from .conftest import settings

pytestmark = pytest.mark.anyio

ASK = [Message("user", "hello")]


def event(text: str = "", reason: str | None = None) -> bytes:
    return (
        b"data: " + json.dumps({"choices": [{"delta": {"content": text}, "finish_reason": reason}]}).encode() + b"\n\n"
    )


def answering(body: bytes, status: str = "200 OK", headers: str = "", stay: float = 0) -> Callable[..., Any]:
    """A handler that answers every chat request with `body` and closes after `stay` seconds, and lists one model."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if "/chat/completions" in head:
            writer.write(f"HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n".encode() + body)
            await asyncio.sleep(stay)
        elif "/models" in head:
            models = b'{"data": [{"id": "tiny", "max_model_len": 64}]}'
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + models)
        else:
            writer.write(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    return handle


async def ask(url: str, messages: list[Message] = ASK, **values: Any) -> list[Chunk]:
    values = {"upstream_timeout_s": 30} | values
    engine = create(settings(engine="openai", upstream_url=f"{url}/v1", **values))
    assert isinstance(engine, OpenAIEngine)
    try:
        await engine.start()
        return [chunk async for chunk in engine.generate(messages, SamplingParams())]
    finally:
        await engine.close()


async def failure(url: str, **values: Any) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        await ask(url, **values)
    return caught.value


async def test_text_passes_through_whole_whatever_separators_it_holds(raw_server: Callable[..., Any]) -> None:
    text = "a\u2028b\u0085c \U0001f642\n"
    raw = json.dumps({"choices": [{"delta": {"content": text}, "finish_reason": None}]}, ensure_ascii=False)
    body = b"data: " + raw.encode() + b"\n\n: a comment\n\n" + event(reason="stop") + b"data: [DONE]\n\n"
    chunks = await ask(await raw_server(answering(body)))
    assert "".join(chunk.text for chunk in chunks) == text
    assert chunks[-1].finish_reason == "stop"
    assert chunks[-1].usage


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["hi \ud83d", "\ude42 there"], "hi \U0001f642 there"),
        (["hi \ud83d", "there"], "hi \ufffdthere"),
        (["\ude42 hi"], "\ufffd hi"),
        (["hi \ud83d"], "hi \ufffd"),
    ],
)
async def test_halves_of_characters_are_joined_or_replaced(
    raw_server: Callable[..., Any], pieces: list[str], text: str
) -> None:
    chunks = await ask(await raw_server(answering(b"".join(map(event, pieces)) + event(reason="stop"))))
    assert "".join(chunk.text for chunk in chunks) == text


@pytest.mark.parametrize("counts", [(-5, 2), (10**400, 2), (1, None), ("1", 2)])
async def test_a_usage_that_counts_nothing_is_replaced_by_an_estimate(
    raw_server: Callable[..., Any], counts: tuple[Any, Any]
) -> None:
    usage = {"prompt_tokens": counts[0], "completion_tokens": counts[1]}
    last = b"data: " + json.dumps({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": usage}).encode()
    chunks = await ask(await raw_server(answering(event("a") + last + b"\n\n")))
    assert chunks[-1].usage == Usage(6, 1)


async def test_log_probabilities_that_are_no_numbers_are_left_out(raw_server: Callable[..., Any]) -> None:
    entries = [{"token": "\ud83d", "logprob": value} for value in (-1.5, float("nan"), 10**400)]
    choice = {"delta": {"content": "a"}, "finish_reason": "stop", "logprobs": {"content": entries}}
    body = b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"
    chunks = await ask(await raw_server(answering(body)))
    assert chunks[0].logprobs == (TokenLogprob("\ufffd", -1.5),)


async def test_an_answer_that_breaks_off_is_an_error_not_a_short_answer(raw_server: Callable[..., Any]) -> None:
    assert (await failure(await raw_server(answering(event("half"))))).code == "upstream_disconnected"


async def test_an_error_that_never_ends_is_read_no_further_than_an_error_goes(raw_server: Callable[..., Any]) -> None:
    sent = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\n")
        while True:
            writer.write(b"no " * 20_000)
            await writer.drain()
            sent += 60_000

    error = await asyncio.wait_for(failure(await raw_server(handle), upstream_model="tiny"), 60)
    assert (error.status, error.code) == (502, "upstream_error")
    assert len(error.detail) < 2000
    assert sent < 40_000_000  # the rest of it is in the sockets' buffers


async def test_silence_is_a_timeout(raw_server: Callable[..., Any]) -> None:
    error = await failure(await raw_server(answering(event("half"), stay=1000)), upstream_timeout_s=0.5)
    assert (error.status, error.code) == (504, "upstream_timeout")


async def test_nobody_there_is_unavailable() -> None:
    error = await failure("http://127.0.0.1:9", upstream_model="tiny")
    assert (error.status, error.code) == (503, "upstream_unavailable")
    assert error.retry_after


@pytest.mark.parametrize(
    "body",
    [
        b"data: not json\n\n",
        b"data: [1]\n\n",
        b'data: {"error": {"message": "out of memory"}}\n\n',
        b"<html>",
        b"",
        b"data: " + b"[" * 9000 + b"\n\n",
    ],
)
async def test_what_is_not_an_answer_is_an_upstream_error(raw_server: Callable[..., Any], body: bytes) -> None:
    assert (await failure(await raw_server(answering(body)))).status == 502


@pytest.mark.parametrize(
    ("status", "ours", "code"),
    [
        ("400 Bad Request", 400, "upstream_refused"),
        ("401 Unauthorized", 502, "upstream_unauthorized"),
        ("404 Not Found", 502, "upstream_not_found"),
        ("413 Too Large", 413, "too_large"),
        ("429 Too Many", 429, "rate_limit_exceeded"),
        ("500 Oops", 502, "upstream_error"),
        ("503 Busy", 503, "upstream_unavailable"),
        ("302 Found", 502, "upstream_error"),
    ],
)
@pytest.mark.parametrize("body", [b'{"error": {"message": "why"}}', b"<html>why</html>", b'{"detail": "why"}', b"[7]"])
async def test_an_upstreams_status_becomes_ours(
    raw_server: Callable[..., Any], status: str, ours: int, code: str, body: bytes
) -> None:
    error = await failure(await raw_server(answering(body, status, "Retry-After: 7\r\n")))
    assert (error.status, error.code) == (ours, code)
    if ours == 429:
        assert error.retry_after == 7


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error": {"message": "bad \\ud83d", "code": "a b\\r\\n"}}', "bad \ufffd."),
        (b'{"error": "why"}', "says: why."),
        (b'{"detail": [{"loc": "x"}]}', '[{"loc": "x"}]'),
        (b"[" * 9000, "says: [[["),
        (b"", "nothing."),
    ],
)
async def test_whatever_an_upstreams_error_holds_it_can_be_told(
    raw_server: Callable[..., Any], body: bytes, said: str
) -> None:
    error = await failure(await raw_server(answering(body, "400 Bad Request")))
    assert (error.status, error.code) == (400, "upstream_refused")
    assert said in error.detail.encode().decode()
    assert len(error.detail) < 400


async def test_nobody_is_told_to_wait_for_ever(raw_server: Callable[..., Any]) -> None:
    error = await failure(await raw_server(answering(b"", "429 Too Many", "Retry-After: " + "9" * 30 + "\r\n")))
    assert error.retry_after == 86_400


async def test_an_upstreams_context_error_keeps_its_kind(raw_server: Callable[..., Any]) -> None:
    body = b'{"error": {"message": "This model\'s maximum context length is 64 tokens.", "code": 400}}'
    assert isinstance(await failure(await raw_server(answering(body, "400 Bad Request"))), ContextLengthExceeded)


async def test_its_context_length_is_discovered_and_can_be_overridden(raw_server: Callable[..., Any]) -> None:
    url = await raw_server(answering(b""))
    for override, expected in ((None, 64), (32, 32)):
        engine = create(settings(engine="openai", upstream_url=f"{url}/v1", max_model_len=override))
        await engine.start()
        assert (engine.info.model, engine.info.max_model_len) == ("tiny", expected)
        assert (await engine.count_tokens("a" * 30)).count == 10  # no /tokenize there: three bytes a token
        await engine.close()


async def test_without_an_upstream_it_is_not_ready_and_says_why() -> None:
    engine = create(settings(engine="openai", upstream_url="http://127.0.0.1:9/v1"))
    assert "can't be reached" in str(await engine.ready())
    await engine.close()


async def test_closing_the_stream_closes_the_connection(raw_server: Callable[..., Any]) -> None:
    closed = asyncio.Event()

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        if "/models" in head:
            writer.write(b'{"data": [{"id": "tiny"}]}')
            writer.close()
            return
        try:
            while True:
                writer.write(event("more "))
                await writer.drain()
                await asyncio.sleep(0.01)
        except OSError:
            closed.set()

    engine = create(settings(engine="openai", upstream_url=f"{await raw_server(endless)}/v1"))
    await engine.start()
    chunks = engine.generate(ASK, SamplingParams())
    assert (await anext(chunks)).text == "more "
    await chunks.aclose()
    await asyncio.wait_for(closed.wait(), 60)
    await engine.close()
