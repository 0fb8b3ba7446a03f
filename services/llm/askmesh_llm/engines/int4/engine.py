"""The engine: one request at a time, in a thread of its own, stopped between two tokens."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from askmesh_kit.errors import InvalidRequest, ServiceError
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
from askmesh_llm.engines.int4.model import Loaded, load, run
from askmesh_llm.engines.int4.sampling import Sampler, Watched
from askmesh_llm.engines.stopping import StopScanner
from askmesh_llm.engines.transformers.detokenizer import Detokenizer
from askmesh_llm.engines.transformers.template import PromptEncoder
from askmesh_llm.settings import Settings

log = get_logger("askmesh.llm.int4")


def create(settings: Settings) -> Engine:
    """The engine for these settings; the model itself is read by `start`."""
    return Int4Engine(settings)


class Int4Engine(Engine):
    """A 4-bit model in this process. Requests take turns: a second one beside the first would slow both by half."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._info = EngineInfo(model_name(settings.model or "int4"), settings.max_model_len)
        self._loaded: Loaded | None = None
        self._encoder: PromptEncoder | None = None
        self._turn = asyncio.Lock()
        self._trouble: str | None = "it is being loaded"

    @property
    def info(self) -> EngineInfo:
        return self._info

    async def start(self) -> None:
        try:
            loaded = await asyncio.to_thread(load, self._settings)
            encoder = PromptEncoder(loaded.tokenizer)
            await asyncio.to_thread(encoder.check)
            self._loaded, self._encoder = loaded, encoder
            await self._rehearse()
            self._trouble = None
        except Exception as error:
            self._trouble = f"it could not be loaded: {error}"
            self.hopeless = isinstance(error, golden.SelfTestFailed)
            log.error("model_not_loaded", model=self._info.model, exc_info=error)
            self._loaded = self._encoder = None
            return
        name = model_name(self._settings.model)  # anew: the folder may have come after the service
        self._info = replace(self._info, model=name, max_model_len=loaded.context, capacity_tokens=loaded.context)
        log.info("model_loaded", model=self._info.model)

    async def _rehearse(self) -> None:
        known = golden.table(self._settings.golden_file)
        name, steps = await self.golden_steps()
        golden.check(name, steps, known)
        log.info("self_test_passed", model=self._info.model, fingerprint=name, golden=name in known)

    async def golden_steps(self) -> tuple[str, golden.Steps]:
        """The running model's fingerprint, and how its greedy answer to the golden prompt begins."""
        loaded = self._running()
        ids, watched = await self._encode(golden.prompt(loaded.tokenizer)), Watched()
        async with self._turn, aclosing(_tokens(loaded, ids, golden.LENGTH, watched)) as tokens:
            async for _ in tokens:
                pass
        return loaded.fingerprint, watched.steps

    async def ready(self) -> str | None:
        return self._trouble

    async def weigh(self, prompt: Prompt, params: SamplingParams) -> int:
        """All there is: requests run one at a time."""
        loaded = self._running()
        ids = await self._encode(prompt, loaded.context)
        completion_budget(len(ids), params, loaded.context, self._settings.default_max_tokens)
        return loaded.context

    async def generate(self, prompt: Prompt, params: SamplingParams) -> AsyncGenerator[Chunk, None]:
        loaded = self._running()
        ids = await self._encode(prompt, loaded.context)
        budget = completion_budget(len(ids), params, loaded.context, self._settings.default_max_tokens)
        text, stop = Detokenizer(loaded.tokenizer), StopScanner(params.stop)
        written, ended, stopped = 0, False, False
        async with self._turn:
            tokens = _tokens(loaded, ids, budget, Sampler.of(params))
            try:
                async for token in tokens:
                    written += 1
                    ended = token in loaded.stops
                    ready, stopped = stop.push("" if ended else text.push([token]))
                    if ready:
                        yield Chunk(ready)
                    if ended or stopped:
                        break
            finally:
                await tokens.aclose()
        if not stopped:
            ready, stopped = stop.push(text.flush())
            if rest := ready if stopped else ready + stop.flush():
                yield Chunk(rest)
        yield Chunk("", "stop" if ended or stopped else "length", Usage(len(ids), written))

    async def count_tokens(self, prompt: Prompt, model: str = "") -> TokenCount:
        ids = await self._encode(prompt)
        return TokenCount(len(ids), tuple(ids))

    async def detokenize(self, ids: Sequence[int]) -> str:
        tokenizer = self._running().tokenizer
        if any(item >= len(tokenizer) for item in ids):
            raise InvalidRequest(f"Token ids end at {len(tokenizer) - 1}.", param="tokens")
        return str(await asyncio.to_thread(tokenizer.decode, list(ids)))

    async def close(self) -> None:
        # The library frees the model with its last reference; the one request that may run holds the turn.
        self._trouble = "it is shutting down"
        async with self._turn:
            self._loaded = None

    async def _encode(self, prompt: Prompt, context: int | None = None) -> list[int]:
        self._running()
        assert self._encoder is not None
        return await asyncio.to_thread(self._encoder.encode, prompt, context)

    def _running(self) -> Loaded:
        if self._loaded is None:
            raise ModelLoading(f"The model can't answer yet: {self._trouble}.", fix="Try again.", retry_after=5)
        return self._loaded


async def _tokens(loaded: Loaded, ids: Sequence[int], limit: int, sampler: Sampler) -> AsyncGenerator[int, None]:
    """New token ids as they are made. Closing it stops the thread, and waits until it has stopped."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[int | None] = asyncio.Queue()
    stopped = threading.Event()

    def deliver(token: int | None) -> None:
        loop.call_soon_threadsafe(arrived.put_nowait, token)

    def work() -> None:
        try:
            run(loaded, ids, limit, sampler, stopped, deliver)
        finally:
            deliver(None)

    working = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        while (token := await arrived.get()) is not None:
            yield token
        try:
            await working
        except Exception as error:
            log.error("generation_failed", exc_info=error)
            raise ServiceError("The model failed while answering.", fix="Try again.", code="model_failed") from error
    finally:
        stopped.set()
        # A cancelled request must not leave while its thread still uses the model.
        await asyncio.shield(asyncio.wait([working]))
