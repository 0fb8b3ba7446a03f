"""The engine: prompt in, batch, text out."""

import asyncio
import copy
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from askmesh_kit.errors import InvalidRequest
from askmesh_kit.logs import get_logger

from askmesh_llm.engines.base import (
    Chunk,
    Engine,
    EngineInfo,
    FinishReason,
    ModelLoading,
    Prompt,
    SamplingParams,
    TokenCount,
    Usage,
    completion_budget,
)
from askmesh_llm.engines.stopping import StopScanner
from askmesh_llm.engines.transformers.batching import Batcher
from askmesh_llm.engines.transformers.detokenizer import Detokenizer
from askmesh_llm.engines.transformers.loading import DEFAULT_MODEL, Loaded, load
from askmesh_llm.engines.transformers.sampling import Sampling
from askmesh_llm.engines.transformers.template import PromptEncoder
from askmesh_llm.settings import Settings

log = get_logger("askmesh.llm.transformers")


def create(settings: Settings) -> Engine:
    """The engine for these settings; the model itself is read by `start`."""
    return TransformersEngine(settings)


class TransformersEngine(Engine):
    """A causal language model in this process, continuously batched."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._info = EngineInfo(settings.model or DEFAULT_MODEL, settings.max_model_len)
        self._loaded: Loaded | None = None
        self._encoder: PromptEncoder | None = None
        self._batcher: Batcher | None = None
        self._trouble = "it is being loaded"

    @property
    def info(self) -> EngineInfo:
        return self._info

    async def start(self) -> None:
        try:
            await asyncio.to_thread(self._load)
        except Exception as error:
            self._trouble = f"it could not be loaded: {error}"
            log.error("model_not_loaded", model=self._info.model, exc_info=error)

    def _load(self) -> None:
        loaded = load(self._settings)
        batcher = Batcher(loaded, self._settings.cache_tokens, self._settings.batch_tokens, self._settings.max_active)
        batcher.start()
        # A copy: encoding changes the tokeniser's flags, in threads, while the event loop decodes.
        self._encoder = PromptEncoder(copy.deepcopy(loaded.tokenizer))
        self._info = EngineInfo(self._info.model, loaded.context)
        self._loaded, self._batcher = loaded, batcher
        log.info("model_loaded", model=self._info.model, dtype=str(loaded.model.dtype), device=str(loaded.model.device))

    async def ready(self) -> str | None:
        if self._batcher is None:
            return self._trouble
        if not self._batcher.running:
            self._batcher.start()
        return None

    async def generate(self, prompt: Prompt, params: SamplingParams) -> AsyncGenerator[Chunk, None]:
        loaded, batcher = self._running()
        ids = await self._encode(prompt)
        budget = completion_budget(len(ids), params, loaded.context, self._settings.default_max_tokens)
        sampling = Sampling.of(params.temperature, params.top_p, params.seed, loaded.model.device)
        text, stop = Detokenizer(loaded.tokenizer), StopScanner(params.stop)
        written, stopped, reason = 0, False, "length"
        async with aclosing(batcher.tokens(ids, budget, sampling)) as arrivals:
            async for fresh in arrivals:
                written += len(fresh)
                ended = fresh[-1] in loaded.stops
                ready, stopped = stop.push(text.push(fresh[:-1] if ended else fresh))
                if ready:
                    yield Chunk(ready)
                if ended or stopped:
                    reason = "stop"
                    break
        if not stopped:
            ready, stopped = stop.push(text.flush())
            rest = ready if stopped else ready + stop.flush()
            if rest:
                yield Chunk(rest)
        final: FinishReason = "stop" if stopped or reason == "stop" else "length"
        yield Chunk("", final, Usage(len(ids), written))

    async def count_tokens(self, prompt: Prompt, model: str = "") -> TokenCount:
        ids = await self._encode(prompt)
        return TokenCount(len(ids), tuple(ids))

    async def detokenize(self, ids: Sequence[int]) -> str:
        tokenizer = self._running()[0].tokenizer
        if any(item >= len(tokenizer) for item in ids):
            raise InvalidRequest(f"Token ids end at {len(tokenizer) - 1}.", param="tokens")
        return str(await asyncio.to_thread(tokenizer.decode, list(ids)))

    async def close(self) -> None:
        if self._batcher is not None:
            batcher, self._batcher = self._batcher, None
            await asyncio.to_thread(batcher.close)

    async def _encode(self, prompt: Prompt) -> list[int]:
        self._running()
        assert self._encoder is not None
        if isinstance(prompt, str):
            return await asyncio.to_thread(self._encoder.text, prompt)
        return await asyncio.to_thread(self._encoder.conversation, prompt)

    def _running(self) -> tuple[Loaded, Batcher]:
        if self._loaded is None or self._batcher is None:
            raise ModelLoading(f"The model can't answer yet: {self._trouble}.", fix="Try again.", retry_after=5)
        return self._loaded, self._batcher
