"""Log-probabilities: right where the engine has them, refused by name where it has not."""

import pathlib
from collections.abc import Callable
from typing import Any

import openai
import pytest

from .conftest import sdk

QUESTION: Any = [{"role": "user", "content": "What is a path?"}]


def test_an_engine_without_them_refuses_by_name(extractive: str, upstream: str) -> None:
    for url in (extractive, upstream):
        with sdk(url) as client, pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(model="", messages=QUESTION, logprobs=True)
        assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "logprobs")


def test_top_logprobs_alone_are_refused(extractive: str) -> None:
    with sdk(extractive) as client, pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="", messages=QUESTION, top_logprobs=2)
    assert caught.value.param == "top_logprobs"


@pytest.fixture(scope="module")
def passed_on(serve: Callable[..., str], transformers: str) -> str:
    """A service whose upstream is the tiny Phi-3's."""
    return serve(engine="openai", upstream_url=f"{transformers}/v1")


pytestmark = pytest.mark.models


def chat(url: str, **values: Any) -> Any:
    with sdk(url) as client:
        ask = {"model": "", "messages": QUESTION, "max_tokens": 10, "temperature": 0, "logprobs": True} | values
        answer = client.chat.completions.create(**ask)
        return list(answer) if values.get("stream") else answer


def test_they_are_the_models_own(transformers: str, checkpoint: pathlib.Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    answer = chat(transformers, top_logprobs=3).choices[0]
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = AutoModelForCausalLM.from_pretrained(checkpoint).eval()
    prompt = tokenizer.apply_chat_template(QUESTION, add_generation_prompt=True, return_tensors="pt")["input_ids"]
    made = model.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=10, output_logits=True, return_dict_in_generate=1
    )
    steps = [logits[0].log_softmax(-1) for logits in made.logits]
    assert len(answer.logprobs.content) == len(steps)
    for entry, step in zip(answer.logprobs.content, steps, strict=True):
        assert entry.logprob == pytest.approx(float(step.max()), abs=1e-4)
        assert [top.logprob for top in entry.top_logprobs] == pytest.approx(step.topk(3).values.tolist(), abs=1e-4)
        assert entry.top_logprobs[0].token in (entry.token, "�")  # a part of a character has no text yet


@pytest.mark.parametrize("values", [{}, {"temperature": 1.0, "seed": 5}, {"stop": ["a"]}, {"max_tokens": 40}])
def test_their_tokens_join_to_the_text_whole_and_streamed(transformers: str, values: dict[str, Any]) -> None:
    whole = chat(transformers, top_logprobs=1, **values).choices[0]
    streamed = [chunk.choices[0] for chunk in chat(transformers, top_logprobs=1, stream=True, **values)]
    entries = [entry for chunk in streamed if chunk.logprobs for entry in chunk.logprobs.content]
    assert [entry.model_dump() for entry in entries] == [entry.model_dump() for entry in whole.logprobs.content]
    joined = "".join(entry.token for entry in entries)
    assert joined.startswith(whole.message.content) if values.get("stop") else joined == whole.message.content
    assert all(entry.logprob <= entry.top_logprobs[0].logprob for entry in entries)


def test_an_upstreams_are_passed_on(transformers: str, passed_on: str) -> None:
    direct, through = chat(transformers, top_logprobs=2).choices[0], chat(passed_on, top_logprobs=2).choices[0]
    assert through.logprobs == direct.logprobs
    assert direct.logprobs.content
    assert all(len(entry.top_logprobs) == 2 for entry in direct.logprobs.content)


def test_text_completions_have_their_own_shape(transformers: str, passed_on: str) -> None:
    for url in (transformers, passed_on):
        with sdk(url) as client:
            ask: dict[str, Any] = {"model": "", "prompt": "A path", "max_tokens": 8, "temperature": 0, "logprobs": 2}
            whole = client.completions.create(**ask).choices[0]
            parts = [chunk.choices[0] for chunk in client.completions.create(**ask, stream=True)]
        told = whole.logprobs
        assert told
        assert "".join(told.tokens or []) == whole.text
        assert [whole.text[at:].startswith(token) for at, token in zip(told.text_offset, told.tokens, strict=True)]
        assert told.text_offset == [offset for part in parts if part.logprobs for offset in part.logprobs.text_offset]
        assert all(len(top) <= 2 for top in told.top_logprobs or [])
