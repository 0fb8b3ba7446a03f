"""Requests in the shapes of LangChain's ChatOpenAI and of litellm, against every engine.

Neither library is installed for the tests: they bring many packages along. Both send through the official SDK.
"""

import json
from typing import Any

import httpx2
import pytest

TALK = [{"content": "Be brief.", "role": "system"}, {"content": "What can you do?", "role": "user"}]
LANGCHAIN_HEADERS = {"Authorization": "Bearer unused", "X-Stainless-Lang": "python", "Accept": "application/json"}


def post(url: str, body: dict[str, Any], **headers: str) -> httpx2.Response:
    return httpx2.post(
        f"{url}/v1/chat/completions", json=body, headers=LANGCHAIN_HEADERS | headers, trust_env=False, timeout=60
    )


def model_of(url: str) -> str:
    return str(httpx2.get(f"{url}/v1/models", timeout=60, trust_env=False).json()["data"][0]["id"])


def events(response: httpx2.Response) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"stream": False, "max_completion_tokens": 6, "temperature": 0.0},
        {"n": 1, "stop": ["\n\n\n"], "seed": 7, "top_p": 0.9, "max_completion_tokens": 6},
        {"parallel_tool_calls": None, "reasoning_effort": None, "max_completion_tokens": 6},
    ],
)
def test_langchain_invoke(url: str, extra: dict[str, Any]) -> None:
    answer = post(url, {"messages": TALK, "model": model_of(url)} | extra)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    message = body["choices"][0]["message"]
    # What ChatOpenAI's _create_chat_result reads.
    assert message["role"] == "assistant"
    assert isinstance(message["content"], str)
    assert message.get("tool_calls") is None
    assert {"prompt_tokens", "completion_tokens", "total_tokens"} <= set(body["usage"])
    assert body["choices"][0]["finish_reason"] in ("stop", "length")
    assert body["choices"][0]["logprobs"] is None


def test_langchain_stream_with_usage(url: str) -> None:
    body = {"messages": TALK, "model": model_of(url), "stream": True, "stream_options": {"include_usage": True}}
    chunks = events(post(url, body | {"max_completion_tokens": 6}))
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 6
    assert all(chunk["object"] == "chat.completion.chunk" for chunk in chunks)


def test_langchain_tools_are_refused_as_its_error_handling_expects(url: str) -> None:
    tool = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}
    answer = post(url, {"messages": TALK, "model": model_of(url), "tools": [tool], "tool_choice": "auto"})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "tools"


@pytest.mark.parametrize("stream", [False, True])
def test_litellm_completion(url: str, stream: bool) -> None:
    body: dict[str, Any] = {"model": model_of(url), "messages": TALK, "max_tokens": 6, "extra_body": {}}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    answer = post(url, body, **{"User-Agent": "litellm/1", "x-stainless-raw-response": "true"})
    assert answer.status_code == 200
    assert (events(answer)[-1] if stream else answer.json())["usage"]["completion_tokens"] == 6


def test_litellm_maps_a_long_prompt_by_its_code(url: str) -> None:
    answer = post(url, {"model": model_of(url), "messages": [{"role": "user", "content": "word " * 40_000}]})
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert error["code"] == "context_length_exceeded"
    assert "maximum context length" in error["message"]  # litellm's and LangChain's own check looks for these words
