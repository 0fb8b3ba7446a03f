"""What is sent upstream, and its size where nobody counts it."""

import math
from typing import Any

from askmesh_llm.engines.base import Prompt, SamplingParams

# Bytes of UTF-8 per token, low on purpose: English has about four, code about three, other scripts about three.
_BYTES_PER_TOKEN = 3
_TOKENS_PER_MESSAGE = 4


def content(prompt: Prompt) -> dict[str, Any]:
    """The prompt in OpenAI's shape."""
    if isinstance(prompt, str):
        return {"prompt": prompt}
    return {"messages": [{"role": message.role, "content": message.content} for message in prompt]}


def request(prompt: Prompt, params: SamplingParams) -> tuple[str, dict[str, Any]]:
    """Path and body of a streamed completion; the caller adds the model and the limit."""
    chat = not isinstance(prompt, str)
    body = content(prompt) | params.extra
    body |= {"temperature": params.temperature, "top_p": params.top_p, "stream": True}
    body["stream_options"] = {"include_usage": True}
    if params.seed is not None:
        body["seed"] = params.seed
    if params.stop:
        body["stop"] = list(params.stop)
    if params.logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": params.logprobs} if chat else {"logprobs": params.logprobs}
    return "chat/completions" if chat else "completions", body


def estimate(prompt: Prompt) -> int:
    """Tokens of a prompt, on the high side for English."""
    texts = [prompt] if isinstance(prompt, str) else [message.content for message in prompt]
    size = sum(math.ceil(len(text.encode()) / _BYTES_PER_TOKEN) for text in texts)
    return size + (0 if isinstance(prompt, str) else _TOKENS_PER_MESSAGE * len(texts))
