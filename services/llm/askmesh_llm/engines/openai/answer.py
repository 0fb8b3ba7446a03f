"""Reads what an upstream answers, whatever it holds."""

from collections.abc import Iterable
from typing import Any, TypeGuard

from askmesh_llm.engines.base import Chunk, FinishReason, TokenCount, TokenLogprob, Usage
from askmesh_llm.engines.openai.text import parse, whole_characters

# No count of tokens and no log-probability is larger.
_LARGEST = 2**53


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
        told = parse(body)
    except ValueError:
        return None
    count, ids = (told.get("count"), told.get("tokens")) if isinstance(told, dict) else (None, None)
    if not _is_count(count):
        return None
    return TokenCount(count, tuple(item for item in ids if isinstance(item, int)) if isinstance(ids, list) else ())


def _usage(data: dict[str, Any]) -> Usage | None:
    usage = data.get("usage")
    if not isinstance(usage, dict):
        return None
    read, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return Usage(read, written) if _is_count(read) and _is_count(written) else None


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
        TokenLogprob(whole_characters(token), value, _top(top.items() if _is_dict(top) else ()))
        for token, value, top in zip(tokens, values, padded, strict=False)
        if isinstance(token, str) and _is_number(value)
    )


def _of_chat(item: dict[str, Any]) -> TokenLogprob:
    top = item.get("top_logprobs")
    entries = [entry for entry in top if _is_entry(entry)] if isinstance(top, list) else []
    likely = _top((entry["token"], entry["logprob"]) for entry in entries)
    return TokenLogprob(whole_characters(item["token"]), item["logprob"], likely)


def _top(entries: Iterable[tuple[str, Any]]) -> tuple[tuple[str, float], ...]:
    return tuple((whole_characters(token), value) for token, value in entries if _is_number(value))


def _is_entry(item: Any) -> bool:
    return _is_dict(item) and isinstance(item.get("token"), str) and _is_number(item.get("logprob"))


def _is_dict(value: Any) -> bool:
    return isinstance(value, dict)


def _is_number(value: Any) -> bool:
    # Only comparing is safe: an integer may be too large for a float. NaN is within no bounds.
    return isinstance(value, (int, float)) and -_LARGEST < value < _LARGEST


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and 0 <= value < _LARGEST
