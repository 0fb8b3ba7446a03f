"""One OpenAI-compatible server: its models, its tokeniser, its streams."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import httpx2
from askmesh_kit.errors import ServiceError, UpstreamError
from askmesh_kit.http_client import service_client
from askmesh_kit.logs import get_logger
from pydantic import SecretStr

from askmesh_llm.engines.base import Chunk, FinishReason, Prompt, SamplingParams, TokenCount, Usage, completion_budget
from askmesh_llm.engines.openai import answer, body
from askmesh_llm.engines.openai.health import Health
from askmesh_llm.engines.openai.text import Joiner, parse, whole_characters
from askmesh_llm.engines.openai.wire import check_status, disconnected, events, translated_errors, whole
from askmesh_llm.settings import Settings

log = get_logger("askmesh.llm.openai")


class Upstream:
    """A server behind one URL. `names` maps the models served here to what this server calls them."""

    def __init__(self, url: str, api_key: str, model: str, names: Mapping[str, str], settings: Settings) -> None:
        self.url, self.model, self.owned_by = url, model, "upstream"
        self.health = Health(settings.upstream_rest_s)
        self.known = False
        self._names, self._settings = names, settings
        self._lengths: dict[str, int] = {}
        self._tokenizes = True
        self._client: httpx2.AsyncClient = service_client(
            url,
            api_key=SecretStr(api_key),
            timeout_s=settings.upstream_timeout_s,
            connect_timeout_s=settings.upstream_connect_timeout_s,
        )

    async def discover(self) -> None:
        """Ask for its models once it can be reached. Raises ServiceError where that leaves no model to name."""
        if self.known:
            return
        try:
            entries = await self._models()
        except ServiceError as error:
            log.warning("upstream_unknown", url=self.url, reason=error.detail)
            if not self.model:
                raise
            # It answered, but lists no models: there is nothing to ask again.
            self.known = isinstance(error, UpstreamError)
            return
        self.model = self.model or next(iter(entries), "")
        owner = entries.get(self.model, {}).get("owned_by")
        self.owned_by = whole_characters(owner) if owner and isinstance(owner, str) else "upstream"
        lengths = {name: entry.get("max_model_len") for name, entry in entries.items()}
        self._lengths = {name: length for name, length in lengths.items() if isinstance(length, int) and length > 0}
        self.known = True

    def name_of(self, model: str) -> str:
        """What this server calls a model; "" is the main one."""
        return self._names.get(model, model) if model else self.model

    def context(self, model: str) -> int | None:
        """The length of a model's context in tokens, where it is known."""
        told = self._lengths.get(self.name_of(model))
        return told if model else self._settings.max_model_len or told

    async def stream(self, prompt: Prompt, params: SamplingParams) -> AsyncGenerator[Chunk, None]:
        """The answer piece by piece. Raises ServiceError."""
        await self.discover()
        budget = await self._budget(prompt, params)
        path, fields = body.request(prompt, params)
        fields |= {"model": self.name_of(params.model), self._settings.upstream_max_tokens_name: budget}
        reason: FinishReason | None = None
        usage, pieces, text = None, 0, Joiner()
        with translated_errors():
            async with self._client.stream("POST", path, json=fields) as response:
                await check_status(response)
                async for data in events(response.aiter_bytes()):
                    chunk = answer.read(data)
                    reason, usage = chunk.finish_reason or reason, chunk.usage or usage
                    if chunk.text or chunk.logprobs:
                        pieces += 1
                        yield Chunk(text.push(chunk.text), logprobs=chunk.logprobs)
        if reason is None:
            raise disconnected()
        yield Chunk(text.flush(), reason, usage or Usage(body.estimate(prompt), pieces))

    async def tokenize(self, prompt: Prompt, model: str) -> TokenCount | None:
        """By its own `/tokenize` where it has vLLM's, else None. Raises ServiceError."""
        if not self._tokenizes:
            return None
        url = self._client.base_url.join("../tokenize" if self._client.base_url.path.endswith("/v1/") else "tokenize")
        asked: dict[str, Any] = {"model": self.name_of(model), **body.content(prompt)}
        with translated_errors():
            async with self._client.stream("POST", url, json=asked) as response:
                told = await whole(response)
        counted = answer.read_count(told) if response.status_code == 200 else None
        if counted is None:
            self._tokenizes = response.status_code in (429, 503)  # busy is no reason never to ask again
            log.info("upstream_does_not_tokenize", url=self.url, status=response.status_code)
        return counted

    async def close(self) -> None:
        await self._client.aclose()

    async def _budget(self, prompt: Prompt, params: SamplingParams) -> int:
        """Tokens to ask for. Some upstreams cut a prompt that is too long without a word, so it is refused here."""
        context, default = self.context(params.model), self._settings.default_max_tokens
        tokens = body.estimate(prompt)
        if context is None or tokens + (params.max_tokens or default) <= context:
            return params.max_tokens or default
        if (counted := await self.tokenize(prompt, params.model)) is not None:
            return completion_budget(counted.count, params, context, default)
        # The estimate alone is too coarse to refuse anyone: the upstream decides.
        return params.max_tokens or min(default, max(16, context - tokens))

    async def _models(self) -> dict[str, dict[str, Any]]:
        """The entries of its model list by name, in its order; empty when the list can't be read."""
        with translated_errors():
            async with (
                asyncio.timeout(self._settings.upstream_timeout_s),
                self._client.stream("GET", "models") as response,
            ):
                await check_status(response)
                told = await whole(response)
        try:
            listed = parse(told)["data"]
            return {
                whole_characters(str(entry["id"])): entry
                for entry in listed
                if isinstance(entry, dict) and entry.get("id")
            }
        except (ValueError, KeyError, TypeError):
            return {}
