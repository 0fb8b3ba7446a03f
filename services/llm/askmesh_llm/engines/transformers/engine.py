"""The engine: prompt in, batch, text out."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from askmesh_kit.errors import InvalidRequest
from askmesh_kit.logs import get_logger

from askmesh_llm.engines import golden
from askmesh_llm.engines.base import (
    Chunk,
    Engine,
    EngineInfo,
    ModelLoading,
    Prompt,
    SamplingParams,
    TokenCount,
    Usage,
    completion_budget,
    model_name,
)
from askmesh_llm.engines.transformers.batching import Batcher
from askmesh_llm.engines.transformers.default import DEFAULT_MODEL
from askmesh_llm.engines.transformers.loading import Loaded, load
from askmesh_llm.engines.transformers.sampling import Sampling
from askmesh_llm.engines.transformers.template import PromptEncoder
from askmesh_llm.engines.transformers.writer import Writer
from askmesh_llm.settings import Settings

log = get_logger("askmesh.llm.transformers")

_SUPPORTS = frozenset({"logprobs"})


def create(settings: Settings) -> Engine:
    """The engine for these settings; the model itself is read by `start`."""
    return TransformersEngine(settings)


class TransformersEngine(Engine):
    """A causal language model in this process, continuously batched."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._info = EngineInfo(model_name(settings.model or DEFAULT_MODEL), settings.max_model_len, supports=_SUPPORTS)
        self._loaded: Loaded | None = None
        self._encoder: PromptEncoder | None = None
        self._batcher: Batcher | None = None
        self._trouble: str | None = "it is being loaded"

    @property
    def info(self) -> EngineInfo:
        return self._info

    async def start(self) -> None:
        try:
            await asyncio.to_thread(self._load)
            await self._rehearse()
            self._trouble = None
        except Exception as error:
            self._trouble = f"it could not be loaded: {error}"
            self.hopeless = isinstance(error, golden.SelfTestFailed)
            log.error("model_not_loaded", model=self._info.model, exc_info=error)
            await self.close()

    def _load(self) -> None:
        loaded = load(self._settings)
        batcher = Batcher(loaded, self._settings.cache_tokens, self._settings.batch_tokens, self._settings.max_active)
        batcher.start()
        self._encoder = PromptEncoder(loaded.tokenizer)
        # Named anew: a folder may have come after the service.
        name = model_name(self._settings.model or DEFAULT_MODEL)
        self._info = replace(self._info, model=name, max_model_len=loaded.context, capacity_tokens=batcher.capacity)
        self._loaded, self._batcher = loaded, batcher
        log.info("model_loaded", model=self._info.model, dtype=str(loaded.model.dtype), device=str(loaded.model.device))

    async def _rehearse(self) -> None:
        """The self-test, beside a long prompt: both together warm up what the first requests would wait for."""
        known = golden.table(self._settings.golden_file)
        longest = min(self._settings.batch_tokens, (self._info.max_model_len or 2) // 2)
        await asyncio.to_thread(self._checked_encoder().check)
        async with asyncio.TaskGroup() as together:
            golden_steps = together.create_task(self.golden_steps())
            together.create_task(self._warm_up(longest))
        name, steps = golden_steps.result()
        golden.check(name, steps, known)
        log.info("self_test_passed", model=self._info.model, fingerprint=name, golden=name in known)

    async def _warm_up(self, length: int) -> None:
        loaded, batcher = self._running()
        ids = [item % len(loaded.tokenizer) for item in range(length)]
        async with aclosing(batcher.tokens(ids, 2, Sampling())) as arrivals:
            async for _ in arrivals:
                pass

    async def ready(self) -> str | None:
        if self._trouble is None and self._batcher is not None and not self._batcher.running:
            self._batcher.start()
        return self._trouble

    async def generate(self, prompt: Prompt, params: SamplingParams) -> AsyncGenerator[Chunk, None]:
        loaded, batcher = self._running()
        ids = await self._encode(prompt, loaded.context)
        budget = completion_budget(len(ids), params, loaded.context, self._settings.default_max_tokens)
        sampling = Sampling.of(params, loaded.model.device)
        writer = Writer(loaded.tokenizer, params.stop, sampling)
        written, ended = 0, False
        async with aclosing(batcher.tokens(ids, budget, sampling)) as arrivals:
            async for fresh in arrivals:
                written += len(fresh)
                ended = fresh[-1] in loaded.stops
                piece = writer.push(fresh[:-1] if ended else fresh)
                if piece.text or piece.logprobs:
                    yield piece
                if ended or writer.stopped:
                    break
        rest = writer.end()
        if rest.text or rest.logprobs:
            yield rest
        yield Chunk("", "stop" if ended or writer.stopped else "length", Usage(len(ids), written))

    async def weigh(self, prompt: Prompt, params: SamplingParams) -> int:
        context = self._running()[0].context
        ids = await self._encode(prompt, context)
        budget = completion_budget(len(ids), params, context, self._settings.default_max_tokens)
        return Batcher.held_by(len(ids) + budget)

    async def golden_steps(self) -> tuple[str, golden.Steps]:
        """The running model's fingerprint, and how its greedy answer to the golden prompt begins."""
        loaded, batcher = self._running()
        sampling = Sampling(logprobs=2)
        ids = await self._encode(golden.prompt(loaded.tokenizer))
        async with aclosing(batcher.tokens(ids, golden.LENGTH, sampling)) as arrivals:
            async for _ in arrivals:
                pass
        steps = [(note.top[0][0], note.top[0][1] - note.top[1][1]) for note in sampling.notes]
        return loaded.fingerprint, steps

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
        # Another attempt to start must not find the model of the last one in memory.
        self._loaded = self._encoder = None

    async def _encode(self, prompt: Prompt, context: int | None = None) -> list[int]:
        return await asyncio.to_thread(self._checked_encoder().encode, prompt, context)

    def _checked_encoder(self) -> PromptEncoder:
        self._running()
        assert self._encoder is not None
        return self._encoder

    def _running(self) -> tuple[Loaded, Batcher]:
        if self._loaded is None or self._batcher is None:
            raise ModelLoading(f"The model can't answer yet: {self._trouble}.", fix="Try again.", retry_after=5)
        return self._loaded, self._batcher
