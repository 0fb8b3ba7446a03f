"""Reads what an upstream answers, whatever it holds."""

import json
import math
from typing import Any

from askmesh_llm.engines.base import Chunk, FinishReason, TokenCount, TokenLogprob, Usage


def read(data: dict[str, Any]) -> Chunk:
    """Text, log-probabilities, finish reason and usage of one event of either kind of completion."""
    choices = data.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    delta = choice.get("delta")
    text = delta.get("content") if isinstance(delta, dict) else choice.get("text")
    given = choice.get("finish_reason")
    reason: FinishReason | None = None
    if given:
        reason = given if given in ("length", "content_filter") else "stop"
    return Chunk(text if isinstance(text, str) else "", reason, _usage(data), _logprobs(choice.get("logprobs")))


def read_count(body: bytes) -> TokenCount | None:
    """What a `/tokenize` of vLLM's shape tells; None where it is not one."""
    try:
        told = json.loads(body)
    except ValueError:
        return None
    count, ids = (told.get("count"), told.get("tokens")) if isinstance(told, dict) else (None, None)
    if not isinstance(count, int):
        return None
    return TokenCount(count, tuple(item for item in ids if isinstance(item, int)) if isinstance(ids, list) else ())


def _usage(data: dict[str, Any]) -> Usage | None:
    usage = data.get("usage")
    if not isinstance(usage, dict):
        return None
    read, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return Usage(read, written) if isinstance(read, int) and isinstance(written, int) else None


def _logprobs(given: Any) -> tuple[TokenLogprob, ...]:
    if not isinstance(given, dict):
        return ()
    if isinstance(given.get("content"), list):
        return tuple(_of_chat(item) for item in given["content"] if _is_entry(item))
    tokens, values, tops = (given.get(name) or [] for name in ("tokens", "token_logprobs", "top_logprobs"))
    if not all(isinstance(part, list) for part in (tokens, values, tops)):
        return ()
    padded = [*tops, *[None] * (len(tokens) - len(tops))]
    return tuple(
        TokenLogprob(token, value, tuple(item for item in top.items() if _is_number(item[1])) if _is_dict(top) else ())
        for token, value, top in zip(tokens, values, padded, strict=False)
        if isinstance(token, str) and _is_number(value)
    )


def _of_chat(item: dict[str, Any]) -> TokenLogprob:
    top = item.get("top_logprobs")
    entries = [entry for entry in top if _is_entry(entry)] if isinstance(top, list) else []
    return TokenLogprob(item["token"], item["logprob"], tuple((entry["token"], entry["logprob"]) for entry in entries))


def _is_entry(item: Any) -> bool:
    return _is_dict(item) and isinstance(item.get("token"), str) and _is_number(item.get("logprob"))


def _is_dict(value: Any) -> bool:
    return isinstance(value, dict)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
