"""Streams an upstream's answer through, piece by piece, with its errors turned into ours."""

import json
import math
from collections.abc import AsyncGenerator
from typing import Any

import httpx2
from askmesh_kit.errors import ServiceError, UpstreamError
from askmesh_kit.http_client import service_client
from askmesh_kit.logs import get_logger

from askmesh_llm.engines.base import (
    Chunk,
    Engine,
    EngineInfo,
    FinishReason,
    Prompt,
    SamplingParams,
    TokenCount,
    Usage,
    completion_budget,
)
from askmesh_llm.engines.openai.wire import check_status, disconnected, events, translated_errors
from askmesh_llm.settings import Settings

log = get_logger("askmesh.llm.openai")

SUPPORTS = frozenset({"frequency_penalty", "presence_penalty", "logit_bias", "response_format"})
# Bytes of UTF-8 per token, low on purpose: English has about four, code about three, other scripts about three.
_BYTES_PER_TOKEN = 3
_TOKENS_PER_MESSAGE = 4


def create(settings: Settings) -> Engine:
    """The engine for these settings. Raises SystemExit when no upstream is named."""
    if not settings.upstream_url:
        raise SystemExit("the openai engine needs ASKMESH_LLM_UPSTREAM_URL, e.g. http://127.0.0.1:11434/v1")
    client = service_client(
        settings.upstream_url,
        api_key=settings.upstream_api_key,
        timeout_s=settings.upstream_timeout_s,
        connect_timeout_s=settings.upstream_connect_timeout_s,
    )
    return OpenAIEngine(client, settings)


class OpenAIEngine(Engine):
    """An OpenAI-compatible server behind the Engine interface."""

    def __init__(self, client: httpx2.AsyncClient, settings: Settings) -> None:
        self._client, self._settings = client, settings
        self._upstream_model = settings.upstream_model
        self._info = EngineInfo(
            settings.model or settings.upstream_model or "upstream",
            settings.max_model_len,
            owned_by="upstream",
            supports=SUPPORTS,
        )
        self._known = False
        self._tokenizes = True

    @property
    def info(self) -> EngineInfo:
        return self._info

    async def start(self) -> None:
        await self.ready()

    async def ready(self) -> str | None:
        """Asks the upstream for its models until it has answered once; later failures belong to each request."""
        if self._known:
            return None
        try:
            await self._discover()
        except ServiceError as error:
            log.warning("upstream_unknown", reason=error.detail)
            if not self._upstream_model:
                return error.detail
            # It answered, but lists no models: there is nothing to ask again.
            self._known = isinstance(error, UpstreamError)
        return None

    async def generate(self, prompt: Prompt, params: SamplingParams) -> AsyncGenerator[Chunk, None]:
        budget = await self._budget(prompt, params)
        path, body = _request(prompt, params)
        body |= {"model": self._upstream_model, self._settings.upstream_max_tokens_name: budget}
        reason: FinishReason | None = None
        usage, pieces = None, 0
        with translated_errors():
            async with self._client.stream("POST", path, json=body) as response:
                await check_status(response)
                async for data in events(response.aiter_bytes()):
                    text, ended = _read(data)
                    reason, usage = ended or reason, _usage(data) or usage
                    if text:
                        pieces += 1
                        yield Chunk(text)
        if reason is None:
            raise disconnected()
        yield Chunk("", reason, usage or Usage(_estimate(prompt), pieces))

    async def count_tokens(self, prompt: Prompt) -> TokenCount:
        """By the upstream's own `/tokenize` where it has vLLM's, else an estimate on the high side."""
        if self._tokenizes and (counted := await self._tokenize(prompt)) is not None:
            return counted
        return TokenCount(_estimate(prompt))

    async def close(self) -> None:
        await self._client.aclose()

    async def _budget(self, prompt: Prompt, params: SamplingParams) -> int:
        """Tokens to ask for. Some upstreams cut a prompt that is too long without a word, so it is refused here."""
        context, default = self._info.max_model_len, self._settings.default_max_tokens
        tokens = _estimate(prompt)
        if context is None or tokens + (params.max_tokens or default) <= context:
            return params.max_tokens or default
        if self._tokenizes and (counted := await self._tokenize(prompt)) is not None:
            return completion_budget(counted.count, params, context, default)
        # The estimate alone is too coarse to refuse anyone: the upstream decides.
        return params.max_tokens or min(default, max(16, context - tokens))

    async def _discover(self) -> None:
        with translated_errors():
            response = await self._client.get("models")
            await check_status(response)
        found = _model_entry(response.content, self._upstream_model)
        self._upstream_model = self._upstream_model or str(found.get("id", ""))
        length = found.get("max_model_len")
        self._info = EngineInfo(
            self._settings.model or self._upstream_model,
            self._settings.max_model_len or (length if isinstance(length, int) and length > 0 else None),
            owned_by=str(found.get("owned_by") or "upstream"),
            supports=SUPPORTS,
        )
        self._known = True

    async def _tokenize(self, prompt: Prompt) -> TokenCount | None:
        url = self._client.base_url.join("../tokenize" if self._client.base_url.path.endswith("/v1/") else "tokenize")
        body: dict[str, Any] = {"model": self._upstream_model, **_content(prompt)}
        with translated_errors():
            response = await self._client.post(url, json=body)
        try:
            count = response.json()["count"] if response.status_code == 200 else None
        except (ValueError, KeyError, TypeError):
            count = None
        if not isinstance(count, int):
            self._tokenizes = False
            log.info("upstream_has_no_tokenize", status=response.status_code)
            return None
        ids = response.json().get("tokens") or []
        return TokenCount(count, tuple(item for item in ids if isinstance(item, int)))


def _content(prompt: Prompt) -> dict[str, Any]:
    if isinstance(prompt, str):
        return {"prompt": prompt}
    return {"messages": [{"role": message.role, "content": message.content} for message in prompt]}


def _request(prompt: Prompt, params: SamplingParams) -> tuple[str, dict[str, Any]]:
    path = "completions" if isinstance(prompt, str) else "chat/completions"
    body = _content(prompt) | params.extra
    body |= {"temperature": params.temperature, "top_p": params.top_p, "stream": True}
    body["stream_options"] = {"include_usage": True}
    if params.seed is not None:
        body["seed"] = params.seed
    if params.stop:
        body["stop"] = list(params.stop)
    return path, body


def _model_entry(content: bytes, wanted: str) -> dict[str, Any]:
    """The upstream's entry for the wanted model, or its first one; empty when the list can't be read."""
    try:
        listed = json.loads(content)["data"]
        entries = [entry for entry in listed if isinstance(entry, dict)]
    except (ValueError, KeyError, TypeError):
        return {}
    if wanted:
        return next((entry for entry in entries if entry.get("id") == wanted), {})
    return entries[0] if entries else {}


def _read(data: dict[str, Any]) -> tuple[str, FinishReason | None]:
    """The text and the finish reason of one event of either kind of completion."""
    choices = data.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    delta = choice.get("delta")
    text = delta.get("content") if isinstance(delta, dict) else choice.get("text")
    given = choice.get("finish_reason")
    reason: FinishReason | None = None
    if given:
        reason = given if given in ("length", "content_filter") else "stop"
    return text if isinstance(text, str) else "", reason


def _usage(data: dict[str, Any]) -> Usage | None:
    usage = data.get("usage")
    if not isinstance(usage, dict):
        return None
    read, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return Usage(read, written) if isinstance(read, int) and isinstance(written, int) else None


def _estimate(prompt: Prompt) -> int:
    texts = [prompt] if isinstance(prompt, str) else [message.content for message in prompt]
    size = sum(math.ceil(len(text.encode()) / _BYTES_PER_TOKEN) for text in texts)
    return size + (0 if isinstance(prompt, str) else _TOKENS_PER_MESSAGE * len(texts))
