"""The engine: asks the upstreams in their order, and the next one when one fails before its first piece of text."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from urllib.parse import urlsplit

from askmesh_kit.errors import ServiceError
from askmesh_kit.logs import get_logger

from askmesh_llm.engines.base import Chunk, Engine, EngineInfo, Prompt, SamplingParams, TokenCount
from askmesh_llm.engines.openai.body import estimate
from askmesh_llm.engines.openai.health import may_move_on
from askmesh_llm.engines.openai.upstream import Upstream
from askmesh_llm.settings import Settings

log = get_logger("askmesh.llm.openai")

SUPPORTS = frozenset({"frequency_penalty", "presence_penalty", "logit_bias", "response_format", "logprobs"})


def create(settings: Settings) -> Engine:
    """The engine for these settings. Raises SystemExit when no upstream is named or a list has the wrong length."""
    urls = [url.strip() for url in settings.upstream_url.split(",") if url.strip()]
    if not urls:
        raise SystemExit("the openai engine needs ASKMESH_LLM_UPSTREAM_URL, e.g. http://127.0.0.1:11434/v1")
    for url in urls:
        if not url.startswith(("http://", "https://")):
            raise SystemExit(f"ASKMESH_LLM_UPSTREAM_URL has {url!r}: write http://… or https://…")
        if _is_here(url, settings):
            raise SystemExit(f"ASKMESH_LLM_UPSTREAM_URL has {url!r}, which is this service itself: name another server")
    keys = _for_each(settings.upstream_api_key.get_secret_value(), ",", len(urls), "UPSTREAM_API_KEY")
    models = _for_each(settings.upstream_model, ",", len(urls), "UPSTREAM_MODEL")
    names: list[dict[str, str]] = [{} for _ in urls]
    for entry in filter(None, (part.strip() for part in settings.model_map.split(","))):
        name, equals, theirs = entry.partition("=")
        if not (name.strip() and equals and theirs.strip()):
            raise SystemExit(f"ASKMESH_LLM_MODEL_MAP has {entry!r}: write name=upstream's name, separated by commas")
        for own, their in zip(names, _for_each(theirs, "|", len(urls), "MODEL_MAP"), strict=True):
            own[name.strip()] = their
    upstreams = [Upstream(*of_one, settings) for of_one in zip(urls, keys, models, names, strict=True)]
    return OpenAIEngine(upstreams, settings)


def _is_here(url: str, settings: Settings) -> bool:
    """Whether a URL is the address that this service listens on: it would ask itself until its queue is full."""
    names = ("127.0.0.1", "localhost", "[::1]", settings.host)
    return urlsplit(url).netloc in {f"{name}:{settings.port}" for name in names}


def _for_each(text: str, separator: str, count: int, variable: str) -> list[str]:
    parts = [part.strip() for part in text.split(separator)]
    if len(parts) not in (1, count):
        raise SystemExit(
            f"ASKMESH_LLM_{variable} names {len(parts)}, but there are {count} upstreams: give 1 or {count}"
        )
    return parts * count if len(parts) == 1 else parts


class OpenAIEngine(Engine):
    """One or several OpenAI-compatible servers behind the Engine interface."""

    def __init__(self, upstreams: Sequence[Upstream], settings: Settings) -> None:
        self._upstreams, self._settings = upstreams, settings
        self._main: Upstream | None = None

    @property
    def info(self) -> EngineInfo:
        main = self._main or self._upstreams[0]
        others: Mapping[str, int | None] = {
            name: main.context(name)
            for name in (entry.partition("=")[0].strip() for entry in self._settings.model_map.split(","))
            if name
        }
        return EngineInfo(
            self._settings.model or main.model or "upstream",
            main.context(""),
            owned_by=main.owned_by,
            supports=SUPPORTS,
            others=others,
        )

    async def start(self) -> None:
        await self.ready()

    async def ready(self) -> str | None:
        """Asks the upstreams for their models until one has answered; later failures belong to each request."""
        if self._main is not None:
            return None
        found = await asyncio.gather(*(one.discover() for one in self._upstreams), return_exceptions=True)
        for failure in found:
            if isinstance(failure, BaseException) and not isinstance(failure, ServiceError):
                raise failure
        self._main = next((one for one in self._upstreams if one.known), None)
        if self._main is not None or any(one.model for one in self._upstreams):
            return None
        return next((failure.message for failure in found if isinstance(failure, ServiceError)), "no model is named")

    async def generate(self, prompt: Prompt, params: SamplingParams) -> AsyncGenerator[Chunk, None]:
        failures: list[ServiceError] = []
        for upstream in self._in_order():
            upstream.health.trying()
            began = False
            try:
                async with aclosing(upstream.stream(prompt, params)) as chunks:
                    async for chunk in chunks:
                        if not began:
                            upstream.health.recovered()
                        began = True
                        yield chunk
                    return
            except ServiceError as error:
                if not may_move_on(error):
                    raise
                upstream.health.failed(error)
                log.warning("upstream_failed", url=upstream.url, code=error.code, reason=error.detail, began=began)
                if began:
                    raise  # half an answer of one can't be continued by another
                failures.append(error)
        raise failures[0]

    async def count_tokens(self, prompt: Prompt, model: str = "") -> TokenCount:
        """By an upstream's own `/tokenize` where it has vLLM's, else an estimate on the high side."""
        for upstream in self._in_order():
            try:
                counted = await upstream.tokenize(prompt, model)
            except ServiceError as error:
                if not may_move_on(error):
                    raise
                upstream.health.failed(error)
                continue
            if counted is not None:
                return counted
        return TokenCount(estimate(prompt))

    async def close(self) -> None:
        await asyncio.gather(*(upstream.close() for upstream in self._upstreams))

    def _in_order(self) -> list[Upstream]:
        """As listed, those that failed of late last; even when all did, each is tried once more."""
        resting = [upstream for upstream in self._upstreams if upstream.health.resting]
        awake = [upstream for upstream in self._upstreams if upstream not in resting]
        return awake + sorted(resting, key=lambda upstream: upstream.health.rests_until)
