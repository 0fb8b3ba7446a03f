"""The official SDK against every engine: what OpenAI's clients expect is what they get."""

from pathlib import Path
from typing import Any

import openai
import pytest

from .conftest import sdk

QUESTION = [{"role": "user", "content": "What can you do? Tell me everything about it."}]


def test_a_whole_answer_has_text_a_reason_and_usage(url: str) -> None:
    with sdk(url) as client:
        answer = client.chat.completions.create(model="", messages=QUESTION, max_tokens=12, temperature=0)
    choice = answer.choices[0]
    assert choice.message.content
    assert choice.message.role == "assistant"
    assert choice.finish_reason == "length"
    assert answer.usage
    assert answer.usage.completion_tokens == 12
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 12
    assert answer.id.startswith("chatcmpl-")


def test_a_stream_gives_the_same_text_in_pieces_and_its_usage_last(url: str) -> None:
    with sdk(url) as client:
        ask: dict[str, Any] = {"model": "", "messages": QUESTION, "max_tokens": 12, "temperature": 0}
        whole = client.chat.completions.create(**ask)
        chunks = list(client.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True}))
    assert chunks[0].choices[0].delta.role == "assistant"
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == whole.choices[0].message.content
    assert sum(bool(piece) for piece in pieces) > 3
    reasons = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    assert reasons[-1] == "length"
    assert not any(reasons[:-1])
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert len({chunk.id for chunk in chunks}) == 1


def test_without_include_usage_no_chunk_is_without_choices(url: str) -> None:
    with sdk(url) as client:
        chunks = list(client.chat.completions.create(model="", messages=QUESTION, max_tokens=3, stream=True))
    assert all(chunk.choices for chunk in chunks)


@pytest.mark.anyio
async def test_the_asynchronous_client_streams_too(url: str) -> None:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as client:
        stream = await client.chat.completions.create(model="", messages=QUESTION, max_tokens=5, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert text


def test_text_completions_whole_and_streamed_agree(url: str) -> None:
    with sdk(url) as client:
        ask: dict[str, Any] = {"model": "", "prompt": "Once upon a time", "max_tokens": 6, "temperature": 0}
        whole = client.completions.create(**ask)
        pieces = [chunk.choices[0].text for chunk in client.completions.create(**ask, stream=True)]
    assert whole.choices[0].text == "".join(pieces)
    assert whole.object == "text_completion"


def test_a_stop_string_ends_the_answer_and_is_not_in_it(url: str) -> None:
    with sdk(url) as client:
        ask: dict[str, Any] = {"model": "", "messages": QUESTION, "max_tokens": 30, "temperature": 0}
        text = client.chat.completions.create(**ask).choices[0].message.content
        assert text
        stop = text[8:11]
        stopped = client.chat.completions.create(**ask, stop=[stop, "never met"]).choices[0]
    assert stopped.message.content == text[: text.index(stop)]
    assert stopped.finish_reason == "stop"


def test_models_tell_their_context_and_are_found_by_name(url: str) -> None:
    with sdk(url) as client:
        model = client.models.list().data[0]
        assert client.models.retrieve(model.id) == model
    assert model.max_model_len > 0  # type: ignore[attr-defined]


def test_content_may_be_a_list_of_text_parts(url: str) -> None:
    parts = [{"type": "text", "text": "Hello "}, {"type": "text", "text": "there"}]
    with sdk(url) as client:
        messages: Any = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": parts}]
        assert client.chat.completions.create(model="", messages=messages, max_tokens=2).choices


def test_unknown_parameters_are_ignored(url: str) -> None:
    with sdk(url) as client:
        ask: dict[str, Any] = {"model": "", "messages": QUESTION, "max_tokens": 2}
        answer = client.chat.completions.create(**ask, store=True, extra_body={"top_k": 3, "made_up": {"deep": [1]}})
    assert answer.choices


def test_parameters_that_ask_for_nothing_are_taken(url: str) -> None:
    with sdk(url) as client:
        answer = client.chat.completions.create(
            model="", messages=QUESTION, max_tokens=2, n=1, logprobs=False, tools=[], response_format={"type": "text"}
        )
    assert answer.choices


@pytest.mark.parametrize(
    ("name", "value"),
    [("n", 2), ("tools", [{"type": "function", "function": {"name": "f"}}]), ("audio", {})],
)
def test_known_but_impossible_parameters_are_refused_by_name(url: str, name: str, value: Any) -> None:
    with sdk(url) as client, pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="", messages=QUESTION, extra_body={name: value})
    assert caught.value.code == "unsupported_parameter"
    assert caught.value.param == name


def test_an_unknown_model_is_not_found(url: str) -> None:
    with sdk(url) as client, pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-99", messages=QUESTION)
    assert caught.value.code == "model_not_found"


def test_a_prompt_longer_than_the_context_is_refused_with_both_numbers(url: str) -> None:
    with sdk(url) as client:
        limit = client.models.list().data[0].max_model_len  # type: ignore[attr-defined]
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(model="", messages=[{"role": "user", "content": "word " * limit * 2}])
    assert caught.value.code == "context_length_exceeded"
    assert str(limit) in caught.value.message
    assert "in the prompt" in caught.value.message
    assert caught.value.param == "messages"
    with sdk(url) as client, pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model="", prompt="word " * limit * 2)
    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "prompt")


@pytest.mark.models
def test_a_model_from_a_folder_goes_by_the_folders_name_and_by_its_path(transformers: str, checkpoint: Path) -> None:
    with sdk(transformers) as client:
        assert [model.id for model in client.models.list()] == [checkpoint.name]
        for name in (checkpoint.name, str(checkpoint)):
            assert client.models.retrieve(name).id == checkpoint.name
            ask: dict[str, Any] = {"model": name, "messages": QUESTION, "max_tokens": 1}
            assert client.chat.completions.create(**ask).model == name


@pytest.mark.parametrize("asked", [None, False])
def test_usage_that_is_not_asked_for_is_not_told(url: str, asked: Any) -> None:
    with sdk(url) as client:
        ask: dict[str, Any] = {"model": "", "messages": QUESTION, "max_tokens": 2, "stream": True}
        assert all(
            c.usage is None for c in client.chat.completions.create(**ask, stream_options={"include_usage": asked})
        )


@pytest.mark.parametrize("coldest", [{"temperature": 1e-300}, {"temperature": 1e-38, "top_p": 0.5}, {"top_p": 1e-320}])
def test_the_smallest_temperatures_and_nuclei_are_greedy(url: str, coldest: dict[str, float]) -> None:
    with sdk(url) as client:
        texts = [
            client.chat.completions.create(model="", messages=QUESTION, max_tokens=8, **values).choices[0].message
            for values in ({"temperature": 0}, coldest)
        ]
    assert texts[0].content
    assert texts[0] == texts[1]
