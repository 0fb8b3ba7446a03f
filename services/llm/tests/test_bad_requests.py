"""Bad input is a clear 4xx in OpenAI's error shape, never a 5xx."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from askmesh_llm.engines.registry import create_engine
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from .conftest import settings

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def client(extractive: str) -> Iterator[httpx2.Client]:
    """One for all: making a client takes longer than most answers."""
    with httpx2.Client(base_url=extractive, timeout=60, trust_env=False) as made:
        yield made


def chat(**values: Any) -> dict[str, Any]:
    return {"messages": HELLO, "max_tokens": 2} | values


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": []},
        {"messages": "hi"},
        {"messages": [{"role": "user", "content": "  "}]},
        {"messages": [{"role": "robot", "content": "hi"}]},
        {"messages": [{"role": "tool", "content": "hi", "tool_call_id": "1"}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        {"messages": [{"role": "user", "content": {"text": "hi"}}]},
        {"messages": HELLO * 600},
        chat(max_tokens=0),
        chat(max_tokens=-1),
        chat(max_tokens=1.5),
        chat(max_tokens=10**30),
        chat(temperature=-1),
        chat(temperature=9),
        chat(top_p=0),
        chat(top_p="much"),
        chat(seed=2**70),
        chat(stop=["x"] * 50),
        chat(stop=7),
        chat(stream="perhaps"),
        chat(n=0),
        chat(response_format={"type": "json_schema", "json_schema": {}}),
        chat(logit_bias={"5": 100}),
        chat(model=7),
    ],
)
def test_each_of_these_is_refused_with_its_reason(client: httpx2.Client, body: Any) -> None:
    answer = client.post(CHAT, json=body)
    assert answer.status_code in (400, 404), answer.text
    assert answer.json()["error"]["message"]
    assert answer.json()["error"]["code"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, {"messages": [{}] * 1000}),
        (CHAT, {"messages": [{"role": "user", "content": [{}] * 1000}]}),
        (CHAT, chat(stop=[1] * 1000)),
        ("/tokenize", {"messages": [5] * 1000}),
        ("/detokenize", {"tokens": [[]] * 1000}),
    ],
)
def test_of_a_long_list_of_wrong_items_the_first_is_told(client: httpx2.Client, path: str, body: Any) -> None:
    """Each of millions as an error of its own would hold up everybody for seconds."""
    message = client.post(path, json=body).json()["error"]["message"]
    assert ".0" in message
    assert ".1" not in message


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"messages": NaN}',
        b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"messages": [{"role": "user", "content": "a\\u0000b"}]}',
        b'{"temperature": 1e999, "messages": [{"role": "user", "content": "x"}]}',
        b'{"messages": ' + b"[" * 900 + b"]" * 900 + b"}",
    ],
)
@pytest.mark.parametrize("path", [CHAT, "/v1/completions", "/tokenize", "/detokenize"])
def test_broken_json_is_refused_everywhere(client: httpx2.Client, path: str, raw: bytes) -> None:
    answer = client.post(path, content=raw, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in ("invalid_json", "invalid_request")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/completions", {"prompt": ""}, 400),
        ("/v1/completions", {"prompt": ["a", "b"]}, 400),
        ("/v1/completions", {"prompt": [1, 2]}, 400),
        ("/v1/completions", {"prompt": "a", "echo": True}, 400),
        ("/v1/completions", {"prompt": "a", "best_of": 3}, 400),
        ("/tokenize", {}, 400),
        ("/tokenize", {"prompt": "a", "messages": HELLO}, 400),
        ("/tokenize", {"prompt": "a", "model": "other"}, 404),
        ("/detokenize", {"tokens": [-1]}, 400),
        ("/detokenize", {"tokens": [1]}, 400),
    ],
)
def test_other_paths_refuse_what_they_cant_do(client: httpx2.Client, path: str, body: Any, status: int) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


@pytest.mark.anyio
async def test_megabytes_are_counted_exactly_and_hold_up_nobody_else() -> None:
    engine = create_engine(settings())
    counting = asyncio.create_task(engine.count_tokens("a " * 2_000_000))
    turns = 0
    while not counting.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert (await counting).count == 2_000_001
    # Counted in one go it leaves three, as it begins and ends.
    assert turns > 6


def test_tokenize_counts_text_and_conversations(url: str) -> None:
    text = httpx2.post(f"{url}/tokenize", json={"prompt": "Read the file"}, timeout=60, trust_env=False).json()
    talk = httpx2.post(f"{url}/tokenize", json={"messages": HELLO}, timeout=60, trust_env=False).json()
    assert text["count"] >= 3
    assert talk["count"] > 1
    assert text["max_model_len"] > 0
    assert text["tokens"] == [] or len(text["tokens"]) == text["count"]


@pytest.mark.parametrize(
    "body", [{"prompt": "é" * 1_000_001}, {"messages": [{"role": "user", "content": "a" * 500_001}] * 2}]
)
def test_a_text_that_takes_seconds_to_count_is_refused_at_once(url: str, body: dict[str, Any]) -> None:
    answer = httpx2.post(f"{url}/tokenize", json=body, timeout=60, trust_env=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert "at most 1000000" in answer.json()["error"]["message"]


def test_a_text_just_short_enough_is_counted(client: httpx2.Client) -> None:
    answer = client.post("/tokenize", json={"prompt": "é" * 1_000_000})
    assert answer.json()["count"] == 125_000


def test_an_unknown_model_card_is_not_found(client: httpx2.Client) -> None:
    assert client.get("/v1/models/some/other").status_code == 404


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        "model",
        "messages",
        "max_tokens",
        "temperature",
        "top_p",
        "seed",
        "stop",
        "stream",
        "stream_options",
        "n",
        "tools",
        "response_format",
        "user",
        "logprobs",
    ]
)


@hypothesis_settings(max_examples=60)
@given(values=st.dictionaries(NAMES, JSON, max_size=4))
def test_no_value_of_any_parameter_breaks_the_service(client: httpx2.Client, values: dict[str, Any]) -> None:
    assert client.post(CHAT, json=chat(**values)).status_code in (200, 400, 404)


def test_an_empty_model_name_in_the_address_is_not_found(client: httpx2.Client) -> None:
    answer = client.get("/v1/models/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
